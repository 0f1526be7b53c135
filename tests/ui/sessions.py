"""Sessions on clusters in memory, and dialogs as a person answers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from kexplorer.model.offset_snapshots import OffsetSnapshot
from kexplorer.model.topics import TopicPartition
from kexplorer.services.catalog import Catalog
from kexplorer.services.changes import Changes
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.change_dialog import ChangeDialog
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit


class Marked:
    """Favourites in memory."""

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)

    async def load(self) -> frozenset[str]:
        return self.names

    async def mark(self, topics: Sequence[str], on: bool) -> frozenset[str]:
        self.names = self.names | set(topics) if on else self.names - set(topics)
        return self.names


def session_on(cluster: FakeCluster) -> Session:
    return Session(cluster, Catalog(cluster), Changes(cluster, MemoryAudit()))


async def dialog_of(kind: type[QWidget]) -> QWidget:
    """The dialog of that kind, once it is in front."""
    await until(lambda: isinstance(QApplication.activeModalWidget(), kind))
    found = QApplication.activeModalWidget()
    assert isinstance(found, kind)
    return found


async def confirmed() -> list[str]:
    """Waits for the preview of a change and carries it out. What it said."""
    dialog = await dialog_of(ChangeDialog)
    assert isinstance(dialog, ChangeDialog)
    await until(dialog.action.isEnabled)
    said = [dialog.said.text()]
    click(dialog.action)
    await until(lambda: QApplication.activeModalWidget() is not dialog or not dialog.action.isVisible())
    return said


def click(button: QPushButton) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


class NoSnapshots:
    """Nothing was reset yet, and nothing is in these tests."""

    async def keep(self, cluster: str, group: str, why: str, offsets: Mapping[TopicPartition, int | None]) -> int:
        raise AssertionError("nobody has reset anything")

    async def forget(self, snapshot: int) -> None:
        raise AssertionError("nobody has reset anything")

    async def of_group(self, cluster: str, group: str) -> list[OffsetSnapshot]:
        return []
