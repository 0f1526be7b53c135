"""Changes the same settings of several topics."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QLineEdit, QWidget

from kexplorer.model.changes import AlterConfig, ResourceKind, items_of
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topic_settings import TOPIC_SETTINGS
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.change_dialog import make_change
from kexplorer.ui.dialogs.fields import Field
from kexplorer.ui.dialogs.form import ChangeForm, answered
from kexplorer.ui.dialogs.setting_lines import SettingLines

_MOST_NAMED = 5


async def alter_topics(parent: QWidget | None, session: Session, topics: Sequence[str]) -> bool:
    """True once all of them took it."""
    return await answered(AlterTopicsDialog(parent, session, topics))


class AlterTopicsDialog(ChangeForm):
    """All of them are previewed and confirmed together. Those that took it are left out when it is tried again."""

    def __init__(self, parent: QWidget | None, session: Session, topics: Sequence[str]) -> None:
        what = topics[0] if len(topics) == 1 else f"{len(topics)} topics"
        named = ", ".join(topics[:_MOST_NAMED]) + (" and others" if len(topics) > _MOST_NAMED else "")
        about = f"{named}. What is not named here stays."
        super().__init__(parent, session, f"Change configuration of {what}", "Change…", self._submit, about)
        self._left = list(topics)
        self.settings = SettingLines()
        self.resets = QLineEdit()
        self.resets.setPlaceholderText("retention.bytes, segment.ms")
        self.reset_field = Field("&Back to the default", self.resets, "Names of settings with commas between")
        self.body.addWidget(Field("&Set", self.settings), 1)
        self.body.addWidget(self.reset_field)
        self.settings.changed.connect(self._judge)
        self.resets.textChanged.connect(lambda _: self._judge())
        self.resize(640, 480)
        self._judge()
        self.settings.setFocus()

    def _names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for each in self.resets.text().split(",") if (name := each.strip())))

    def _judge(self) -> None:
        sets, resets = self.settings.properties(), self._names()
        failure = None
        if unknown := next((name for name in resets if name not in TOPIC_SETTINGS), None):
            failure = Failure(FailureKind.INVALID, f"Kafka has no topic setting “{unknown}”.", "Correct its name.")
        elif both := next((name for name in resets if name in sets), None):
            failure = Failure(FailureKind.INVALID, f"{both} is set above.", "Remove one of the two.")
        self.reset_field.show_problem(failure)
        self.action.setEnabled(bool(sets or resets) and failure is None and not self.settings.faulty())

    async def _submit(self) -> None:
        sets, resets = self.settings.properties(), self._names()
        wanted = {topic: AlterConfig(ResourceKind.TOPIC, topic, sets, resets) for topic in self._left}
        outcome = await make_change(self, self.session.changes, *wanted.values())
        if outcome is None:
            return
        failed = outcome.failures.keys()  # by the topic, or by the one change's item
        self._left = [topic for topic in self._left if failed & {topic, *items_of(wanted[topic])}]
        if not self._left:
            self.accept()
