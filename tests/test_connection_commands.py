"""What the Cluster menu does to connections, in the running program."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QApplication

from kexplorer.explorer import Explorer
from kexplorer.model.profile import Profile
from kexplorer.ui.dialogs.connection_dialog import ConnectionDialog
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.test_explorer import _running


async def _dialog() -> ConnectionDialog:
    await until(lambda: isinstance(QApplication.activeModalWidget(), ConnectionDialog))
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, ConnectionDialog)
    return dialog


def _names(explorer: Explorer) -> list[str]:
    return [profile.name for profile in explorer.window.tree.model.profiles()]


def _duplicate(qtloop: LoopRunner, home: Path, end: Callable[[ConnectionDialog], object], wanted: list[str]) -> None:
    async def look() -> None:
        async with _running(home, Profile("lab", "127.0.0.1:1")) as explorer:
            explorer.duplicate("lab")
            dialog = await _dialog()
            assert dialog.form.profile().name == "lab copy"
            end(dialog)
            await until(lambda: not explorer.tasks.running("dialog"))
            assert _names(explorer) == wanted

    qtloop.run(look())


def test_a_duplicate_that_is_cancelled_leaves_nothing(qtloop: LoopRunner, tmp_path: Path) -> None:
    _duplicate(qtloop, tmp_path, lambda dialog: dialog.reject(), ["lab"])


def test_a_duplicate_that_is_saved_stays(qtloop: LoopRunner, tmp_path: Path) -> None:
    _duplicate(qtloop, tmp_path, lambda dialog: dialog.save_button.click(), ["lab", "lab copy"])
