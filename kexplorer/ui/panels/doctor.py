"""Examines a group, a topic or the cluster, and shows what is wrong as cards, as it is found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
)

from kexplorer.model.failure import Failure
from kexplorer.model.findings import Checked, Finding, Severity, Where
from kexplorer.model.profile import Profile
from kexplorer.services.doctor.examine import checks_of, examine
from kexplorer.services.sessions import Session
from kexplorer.ui.icons import icon
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import doctor_key
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.finding_cards import Card, FindingCards
from kexplorer.ui.widgets.labels import plain_label

_TONES = {Severity.PROBLEM: ("bad", "Problem"), Severity.RISK: ("warn", "Risk"), Severity.NOTE: ("muted", "Note")}
_TIMES = {"Watch for 10 s": 10.0, "Watch for 30 s": 30.0, "Watch for 2 min": 120.0, "Watch for 10 min": 600.0}
_OPEN = {
    "group": "Open the group {}",
    "topic": "Open the topic {}",
    "messages": "Open the messages of {}",
    "overview": "Open the overview",
}

Show = Callable[[str, str], None]


class DoctorPanel(Panel):
    """`subject` is "group:NAME" or "topic:NAME", "" for the cluster. `show` opens the panel that a finding names, by
    its kind ("group", "topic", "messages" or "overview") and the name of the group or topic."""

    def __init__(
        self, profile: Profile, subject: str, open_session: Callable[[], Awaitable[Session]], show: Show
    ) -> None:
        kind, _, name = subject.partition(":")
        title = f"Doctor: {name or profile.name}"
        super().__init__(doctor_key(profile.name, subject), title, "shield", profile.name, profile.colour)
        self._group = name if kind == "group" else ""
        self._topic = name if kind == "topic" else ""
        self._what = f"{kind} {name}" if name else f"cluster {profile.name}"
        self._open_session = open_session
        self._show_panel = show
        self._order = [check.name for check in checks_of(group=self._group, topic=self._topic)]
        self.findings: list[Finding] = []
        self.checked: list[Checked] = []
        self._build()
        self.examine()

    def _build(self) -> None:
        self._again = QAction(icon("refresh"), "Examine again", self, shortcut=QKeySequence("Ctrl+R"))
        self._again.triggered.connect(self.examine)
        self._copy = QAction(icon("copy"), "Copy findings as text", self, shortcut=QKeySequence("Ctrl+Shift+C"))
        self._copy.triggered.connect(self._copy_text)
        self.time = QComboBox()
        self.time.addItems(list(_TIMES))
        self.time.setAccessibleName("How long the group is watched")
        self.time.setToolTip("Slow groups commit seldom: watch them for longer")
        self.time.setVisible(bool(self._group))
        self.told = plain_label("", "muted")
        self.strip = ErrorStrip()
        self.strip.retry_requested.connect(self.examine)
        self.bar = QProgressBar(maximum=len(self._order), textVisible=False)
        self.bar.setFixedHeight(3)
        self.bar.setAccessibleName("Checks that have ended")
        self.cards = FindingCards("Findings")
        self.state = EmptyState("shield", f"Examining {self._what} …")
        self.found = QStackedWidget()
        self.found.addWidget(self.state)
        self.found.addWidget(self.cards)
        self.fine = plain_label(wrap=True, selectable=True)
        self.fine.setContentsMargins(20, 0, 12, 8)
        self.fine.hide()
        self.more = QToolButton(autoRaise=True)
        self.more.setCheckable(True)
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.toggled.connect(self._toggle_fine)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addLayout(self._head())
        column.addWidget(self.bar)
        column.addWidget(self.found, 1)
        below = QHBoxLayout()
        below.setContentsMargins(12, 6, 12, 6)
        below.addWidget(self.more)
        below.addStretch()
        column.addLayout(below)
        column.addWidget(self.fine)

    def _head(self) -> QHBoxLayout:
        copy = QPushButton(icon("copy"), "Copy")
        copy.clicked.connect(self._copy.trigger)
        again = QPushButton("Examine again")
        again.setProperty("kind", "primary")
        again.clicked.connect(self._again.trigger)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(plain_label(_capital(self._what), "title"))
        words.addWidget(self.told)
        head = QHBoxLayout()
        head.setContentsMargins(12, 8, 12, 8)
        head.setSpacing(8)
        head.addLayout(words, 1)
        for widget in (self.time, copy, again):
            head.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        return head

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._again, self._copy)

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)
        self.bar.hide()
        self.state.tell("warning", f"{_capital(self._what)} could not be examined", failure.message)

    # work

    def examine(self) -> None:
        """Begins anew; what was under way ends."""
        self.findings, self.checked = [], []
        self.strip.clear()
        self.bar.show()
        self.tasks.start("examine", self._examine(_TIMES[self.time.currentText()]))
        self._refresh()

    async def _examine(self, seconds: float) -> None:
        session = await self._open_session()
        told = examine(session.cluster, group=self._group, topic=self._topic, seconds=seconds)
        async with aclosing(told):
            async for each in told:
                if isinstance(each, Finding):
                    self.findings.append(each)
                else:
                    self.checked.append(each)
                self._refresh()
        self.say(f"{self.told.text()} {_capital(self._what)}.")

    @property
    def done(self) -> bool:
        return len(self.checked) == len(self._order)

    def _refresh(self) -> None:
        self.checked.sort(key=lambda each: self._order.index(each.check))
        self.findings.sort(key=lambda each: (each.severity.rank, self._order.index(each.check)))
        failed = [each for each in self.checked if each.failure]
        cards = [self._card(each) for each in self.findings] + [_unchecked(each) for each in failed]
        self.cards.show_cards(cards)
        self.found.setCurrentWidget(self.cards if cards else self.state)
        self.bar.setValue(len(self.checked))
        self.bar.setVisible(not self.done)
        self._copy.setEnabled(bool(self.checked))
        self._tell(len(failed))

    def _tell(self, failed: int) -> None:
        fine = [each for each in self.checked if each.fine]
        number = len(self.findings)
        found = f"{number or 'No'} finding{'' if number == 1 else 's'}"
        if self.done:
            lost = f", {failed} could not be made" if failed else ""
            self.told.setText(f"{found}. {len(self.checked)} checks{lost}.")
        else:
            self.told.setText(f"{found} yet. {len(self.checked)} of {len(self._order)} checks have ended.")
        if not self.done:
            watched = "It is watched for a while, to see whether it gets on." if self._group else ""
            self.state.tell("shield", f"Examining {self._what} …", watched)
        else:
            well = f"{_capital(self._what)} is well"
            self.state.tell("success", well, f"{len(fine)} checks, and none of them found anything.")
        self.fine.setText("\n".join(f"✓  {each.title}" for each in fine))
        self.more.setText(f"{len(fine)} check{'' if len(fine) == 1 else 's'} found nothing wrong")
        self.more.setVisible(bool(fine))
        self._toggle_fine(self.more.isChecked())

    def _toggle_fine(self, wanted: bool) -> None:
        self.fine.setVisible(wanted and bool(self.fine.text()))
        self.more.setIcon(icon("chevron-down" if wanted else "chevron-right"))

    def _card(self, found: Finding) -> Card:
        tone, word = _TONES[found.severity]
        text = f"{_capital(found.facts)}\n{found.meaning}"
        if found.where is None:
            return Card(tone, word, found.title, text, found.remedy)
        kind, name = found.where
        action = _OPEN[kind].format(name)
        return Card(tone, word, found.title, text, found.remedy, "", action, _Go(self._show_panel, found.where))

    def text(self) -> str:
        """All of it, to be passed on."""
        lines = [f"{self._what}: {self.told.text()}", "", *(each.text for each in self.findings)]
        lines += [f"NOT CHECKED: {each.title}. {each.failure}" for each in self.checked if each.failure]
        return "\n".join([*lines, *(f"ok  {each.title}" for each in self.checked if each.fine)]) + "\n"

    def _copy_text(self) -> None:
        QGuiApplication.clipboard().setText(self.text())
        self.say("Copied.")


@dataclass(frozen=True)
class _Go:
    """Opens a panel; equal to another one that opens the same."""

    show: Show
    where: Where

    def __call__(self) -> None:
        self.show(*self.where)


def _unchecked(each: Checked) -> Card:
    failure = each.failure
    return Card("muted", "Not checked", each.title, failure.message if failure else "", failure.hint if failure else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
