"""One plan in two views that stay in step: a form, and the TOML that its file holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from kexplorer.formats.field_names import FieldNames
from kexplorer.model.failure import Failure
from kexplorer.model.replay import Place, Plan, ReplaySource, ReplayTarget
from kexplorer.model.topics import Topic
from kexplorer.services.replay_drafts import edited_text, parse_plan, plan_text
from kexplorer.ui.panels.replay_plan_form import PlanForm
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.notice_strip import NoticeStrip
from kexplorer.ui.widgets.toml_edit import TomlEdit

FORM, TOML = 0, 1
_SETTLE = 300  # ms without a key
_LINE = re.compile(r"\bline ([0-9]+)")
_LONGEST_NAME = 100  # characters of a topic in a job's name
_COMMENT = re.compile(r"#.*")


def empty_plan(place: Place) -> Plan:
    """From a cluster to itself, with all the rest to be filled in."""
    return Plan("", ReplaySource(place, ()), ReplayTarget(place, {}))


class PlanEditor(QTabWidget):
    """`changed` whenever the plan or its text is another one, `places_changed` when other clusters or topics are meant.
    `connections` are the clusters that can be chosen, by the names of their profiles."""

    changed = Signal()
    places_changed = Signal()

    def __init__(self, connections: Mapping[str, Place], plan: Plan) -> None:
        super().__init__()
        self.setDocumentMode(True)
        self._plan = plan
        self._text, self._said = plan_text(plan), plan  # a text, and the plan that it says
        self._shown: Plan | None = None  # by the form
        self.failure: Failure | None = None  # why the text is no plan
        self.form = PlanForm(connections)
        self.toml = TomlEdit()
        self.strip, self.notice = ErrorStrip(can_retry=False), NoticeStrip()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self.notice)
        inset = QVBoxLayout()
        inset.setContentsMargins(12, 12, 12, 12)
        inset.addWidget(self.toml)
        column.addLayout(inset, 1)
        self.addTab(self.form, "Plan")
        self.addTab(page, "TOML")
        self._timer = QTimer(self, interval=_SETTLE, singleShot=True)
        self._timer.timeout.connect(self._read)
        self.toml.textChanged.connect(self._typed)
        self.form.changed.connect(self._take_form)
        self.form.places_changed.connect(self.places_changed)
        self.currentChanged.connect(self._show_current)
        self._show_current()

    @property
    def plan(self) -> Plan:
        """The last one that was read."""
        return self._plan

    @property
    def pending(self) -> bool:
        """Something was typed that is not read yet."""
        return self._timer.isActive()

    @property
    def text(self) -> str:
        """As it would be saved: what was typed, even where it is no plan."""
        self.settle()
        if self.failure is not None:
            return self.toml.text()
        if self._said != self._plan:
            before = self._text
            self._text, self._said = edited_text(before, self._said, self._plan), self._plan
            lost = _comments(before) - _comments(self._text) - _comments(plan_text(self._plan))
            self.notice.show_text("Some comments are of lines that are gone, and went with them." if lost else "")
        return self._text

    def show_text(self, text: str) -> None:
        """Whatever it says."""
        self._timer.stop()
        self.notice.show_text("")
        self.toml.begin(text)
        self._read()

    def check(self) -> Failure | None:
        """What is wrong with the plan, as far as can be told without asking a cluster; shown where it is."""
        self.settle()
        if self.failure is None:
            self._show_form()
            if found := self.form.check():
                self.setCurrentIndex(FORM)
                return found
            self.name_job()
            return _unfinished(self.text)  # the form has no input for all of it
        self.setCurrentIndex(TOML)
        return self.failure

    def set_topics(self, source: list[Topic] | None, target: list[Topic] | None) -> None:
        """Those of the plan's clusters; None: nobody knows."""
        self.form.set_topics(source, target)

    def set_known(self, known: FieldNames) -> None:
        self.form.set_known(known)

    def name_job(self) -> None:
        """One without a name gets that of the first topic and the time."""
        if self._plan.job:
            return
        topic = re.sub(r"[^a-zA-Z0-9._-]", "-", next(iter(self._plan.source.topics), "replay"))[:_LONGEST_NAME]
        self._plan = replace(self._plan, job=f"{topic}-{datetime.now().astimezone():%Y-%m-%d-%H%M%S}")
        self._show_current()
        self.changed.emit()

    def _take_form(self) -> None:
        plan = self.form.plan
        if plan != self._plan:
            self._plan = self._shown = plan
            self.changed.emit()

    def _typed(self) -> None:
        self._timer.start()
        self.changed.emit()

    def settle(self) -> None:
        """Reads what was typed at once."""
        if self._timer.isActive():
            self._timer.stop()
            self._read()

    def _read(self) -> None:
        """Takes the text as it is typed; one that is no plan keeps the form away, so that nothing typed is lost."""
        text, before = self.toml.text(), self._plan
        try:
            self._plan = parse_plan(text, finished=False)
        except Failure as failure:
            self.failure = failure
            self.setCurrentIndex(TOML)
        else:
            self.failure = None
            self._text, self._said = text, self._plan
        self.setTabEnabled(FORM, self.failure is None)
        self.setTabToolTip(FORM, "What is wrong in the TOML comes first" if self.failure else "")
        self._show_current()
        if (self._plan.source, self._plan.target) != (before.source, before.target):
            self.places_changed.emit()
        self.changed.emit()

    def _show_current(self) -> None:
        if self.currentIndex() == FORM:
            self._show_form()
        elif self.currentIndex() == TOML:
            if self.failure is None:
                self.toml.begin(self.text)
            self._tell(self.failure or _unfinished(self.toml.text()))

    def _show_form(self) -> None:
        if self._shown != self._plan:
            self.form.show_plan(self._plan)
            self._shown = self._plan

    def _tell(self, wrong: Failure | None) -> None:
        """What is only missing yet is told as well, but keeps nobody from the form."""
        found = _LINE.search(wrong.message) if wrong else None
        self.toml.mark(int(found[1]) if found else 0)
        if wrong:
            self.strip.show_failure(wrong)
        else:
            self.strip.clear()


def _unfinished(text: str) -> Failure | None:
    """Why a plan cannot be run yet."""
    try:
        parse_plan(text)
    except Failure as failure:
        return failure
    return None


def _comments(text: str) -> set[str]:
    """Roughly: an expression may have the sign in it, too."""
    return set(_COMMENT.findall(text))
