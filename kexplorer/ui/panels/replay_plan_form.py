"""A plan as a form that a newcomer understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.field_names import FieldNames
from kexplorer.formats.filters import compile_filter
from kexplorer.formats.rewriting import Rewriter
from kexplorer.model.failure import Failure
from kexplorer.model.replay import Place, Plan, ReplaySource, ReplayTarget, Rewrite
from kexplorer.model.search import FilterKind, FilterSpec
from kexplorer.model.topics import Topic
from kexplorer.ui.panels.replay_plan_parts import PaceBox, PolicyBox, PromiseBox
from kexplorer.ui.panels.replay_plan_places import PlacesBox
from kexplorer.ui.panels.replay_plan_records import RecordsBox
from kexplorer.ui.widgets.expression_edit import ExpressionEdit
from kexplorer.ui.widgets.filter_shelf import KINDS
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.pairs_edit import PairsEdit

_Checked = PlacesBox | RecordsBox | ExpressionEdit | PairsEdit | PolicyBox
_Part = PlacesBox | RecordsBox | PairsEdit | PaceBox | PromiseBox | PolicyBox
_WIDEST = 1080  # pixels that the eye still takes for one line
_ASIDE = 190  # pixels of the names of the sections
_AS_IT_IS = "as it is"


class PlanForm(QScrollArea):
    """`changed` for each change by a person; `places_changed` when other clusters or topics are meant."""

    changed = Signal()
    places_changed = Signal()

    def __init__(self, connections: Mapping[str, Place]) -> None:
        super().__init__()
        self._base = Plan("", ReplaySource(Place(), ()), ReplayTarget(Place(), {}))
        self._removed = ""  # the line of removed headers as it was shown
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.job = QLineEdit()
        self.job.setAccessibleName("Job")
        self.job.setPlaceholderText("Named after the topic and the time")
        self.places = PlacesBox(connections)
        self.records = RecordsBox()
        self.filter_kind = QComboBox()
        self.filter_kind.setAccessibleName("Kind of filter")
        for kind, words in KINDS.items():
            self.filter_kind.addItem(words, kind)
        self.filter = ExpressionEdit("Filter", 'all of them, or value.status == "FAILED"', self._check_filter)
        self.drop = ExpressionEdit("Leave out", "none, or value.test == true", _check_condition)
        self.key = ExpressionEdit("Key", f"{_AS_IT_IS}, or value.id", _check_value)
        self.value = ExpressionEdit("Value", f"{_AS_IT_IS}, or value.payload", _check_value)
        self.partition = ExpressionEdit(
            "Partition", "that of the source or of the key, or value.customer % 3", _check_value
        )
        self.timestamp = ExpressionEdit("Timestamp", f"{_AS_IT_IS}, or null for the time of sending", _check_value)
        self.fields = PairsEdit("field", ("value.card", '"***"'), _check_path, _check_value, paths=True)
        self.headers = PairsEdit("header", ("replayed", '"yes"'), lambda _: None, _check_value)
        self.removed = QLineEdit()
        self.removed.setPlaceholderText("none, or trace, kafka_dlt-*")
        self.removed.setAccessibleName("Headers that are removed")
        self.pace, self.promise, self.policy = PaceBox(), PromiseBox(), PolicyBox()
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        around = QWidget()
        around.setProperty("panel", True)
        self.setWidget(around)  # first: all that is in it would be styled once more
        page = QWidget(around)
        page.setMaximumWidth(_WIDEST)
        beside = QHBoxLayout(around)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(page, 1)
        beside.addStretch()
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(12, 12, 20, 20)
        self._column.setSpacing(16)
        self._section("Job", "Its progress is kept by this name. A job is run to its end once.", self.job)
        self._section("From where to where", "Target topics must be there already.", self.places)
        only = QHBoxLayout()
        only.setSpacing(8)
        only.addWidget(self.filter_kind, 0, Qt.AlignmentFlag.AlignTop)
        only.addWidget(self.filter, 1)
        self._section(
            "Which records", "The end is where the topic ends now, unless it is said otherwise.", self.records,
            _labelled(("Only those with", only)),
        )  # fmt: skip
        self._section(
            "What changes", "Expressions over the record as it was read, as in the search of messages. Empty lines "
            "leave their part byte for byte as it is.",
            _labelled(
                ("Leave out", self.drop), ("Key", self.key), ("Value", self.value), ("Fields in it", self.fields),
                ("Headers", self.headers), ("Remove headers", self.removed), ("Partition", self.partition),
                ("Timestamp", self.timestamp),
            ),
        )  # fmt: skip
        self._section("How fast", "Can be changed while it runs.", self.pace)
        self._section("What is promised", "", self.promise)
        self._section("What cannot be written", "Too large, without what an expression needs, or refused.", self.policy)
        self._column.addStretch()

    def _section(self, name: str, meaning: str, *contents: QWidget) -> None:
        if self._column.count():
            line = QFrame()
            line.setFrameShape(QFrame.Shape.HLine)
            line.setForegroundRole(QPalette.ColorRole.Mid)
            self._column.addWidget(line)
        row = QHBoxLayout()
        row.setSpacing(20)
        self._column.addLayout(row)
        aside = QVBoxLayout()
        aside.setSpacing(4)
        for text, role in ((name, "heading"), (meaning, "muted")):
            label = plain_label(text, role, wrap=True)
            label.setFixedWidth(_ASIDE)
            label.setVisible(bool(text))
            aside.addWidget(label)
        aside.addStretch()
        inside = QVBoxLayout()
        inside.setSpacing(8)
        row.addLayout(aside)
        row.addLayout(inside, 1)
        for each in contents:
            inside.addWidget(each)
        inside.addStretch()

    def _connect(self) -> None:
        for line in (self.job, self.removed):
            line.textEdited.connect(lambda _: self._changed())
        for edit in self._expressions():
            edit.changed.connect(self._changed)
        parts: tuple[_Part, ...] = (self.fields, self.headers, self.places, self.records)
        for part in (*parts, self.pace, self.promise, self.policy):
            part.changed.connect(self._changed)
        self.filter_kind.activated.connect(lambda _: self._kind_chosen())
        self.places.changed.connect(self.places_changed)

    # the plan

    @property
    def plan(self) -> Plan:
        """What was shown last with what a person changed."""
        base = self._base
        source = self.records.source_of(self.places.source_of(base.source))
        source = replace(source, filter=self.filter.text, filter_kind=self._kind)
        rewrite = replace(
            base.rewrite,
            drop=self.drop.text,
            key=self.key.text,
            value=self.value.text,
            partition=self.partition.text,
            timestamp=self.timestamp.text,
            fields=self.fields.pairs(),
            headers=self.headers.pairs(),
            remove_headers=self._removed_headers(),
        )
        made = replace(
            base,
            job=self.job.text().strip(),
            source=source,
            target=self.places.target_of(base.target),
            rewrite=rewrite,
            pace=self.pace.pace_of(base.pace),
        )
        return self.policy.plan_of(self.promise.plan_of(made))

    def show_plan(self, plan: Plan) -> None:
        """Without a signal."""
        self.blockSignals(True)
        self._base, rewrite = plan, plan.rewrite
        if self.job.text().strip() != plan.job:
            self.job.setText(plan.job)
        self.places.show_places(plan.source, plan.target)
        self.records.show_source(plan.source)
        self.filter_kind.setCurrentIndex(self.filter_kind.findData(plan.source.filter_kind))
        self.filter.completer.enabled = plan.source.filter_kind is FilterKind.EXPRESSION
        texts = (plan.source.filter, rewrite.drop, rewrite.key, rewrite.value, rewrite.partition, rewrite.timestamp)
        for edit, text in zip(self._expressions(), texts, strict=True):
            edit.show_text(text)
        self.fields.show_pairs(rewrite.fields)
        self.headers.show_pairs(rewrite.headers)
        self.removed.setText(", ".join(rewrite.remove_headers))
        self.removed.setCursorPosition(0)  # else a long line shows its end
        self._removed = self.removed.text()
        self.pace.show_pace(plan.pace)
        self.promise.show_plan(plan)
        self.policy.show_plan(plan)
        self.blockSignals(False)

    def set_topics(self, source: list[Topic] | None, target: list[Topic] | None) -> None:
        """Those of the plan's clusters; None: nobody knows."""
        self.places.set_topics(source, target)
        if target is not None:
            self.policy.quarantine.set_topics(target)

    def set_known(self, known: FieldNames) -> None:
        """What is offered in expressions."""
        for edit in self._expressions():
            edit.set_known(known)
        self.fields.set_known(known)
        self.headers.set_known(known)

    def check(self) -> Failure | None:
        """The first thing that is wrong, as far as can be told without asking a cluster; each is shown at its place,
        and the first one is scrolled to."""
        parts: tuple[_Checked, ...] = (
            self.places,
            self.records,
            *self._expressions(),
            self.fields,
            self.headers,
            self.policy,
        )
        found = [(part, failure) for part in parts if (failure := part.check()) is not None]
        if not found:
            return None
        part, failure = found[0]
        self.ensureWidgetVisible(part)
        return failure

    def _removed_headers(self) -> tuple[str, ...]:
        """A name may have a comma in it: what nobody changed is as it was."""
        if self.removed.text() == self._removed:
            return self._base.rewrite.remove_headers
        return tuple(filter(None, map(str.strip, self.removed.text().split(","))))

    def _expressions(self) -> tuple[ExpressionEdit, ...]:
        return (self.filter, self.drop, self.key, self.value, self.partition, self.timestamp)

    @property
    def _kind(self) -> FilterKind:
        return FilterKind(self.filter_kind.currentData())  # Qt made a plain str of it

    def _kind_chosen(self) -> None:
        self.filter.completer.enabled = self._kind is FilterKind.EXPRESSION
        self.filter.check()
        self._changed()

    def _check_filter(self, text: str) -> None:
        compile_filter(FilterSpec(text, self._kind))

    def _changed(self) -> None:
        self.changed.emit()


def _check_condition(text: str) -> None:
    compile_filter(FilterSpec(text, FilterKind.EXPRESSION))


def _check_value(text: str) -> None:
    Rewriter(Rewrite(key=text), "", 0)


def _check_path(text: str) -> None:
    Rewriter(Rewrite(fields={text: "null"}), "", 0)


def _labelled(*rows: tuple[str, QWidget | QHBoxLayout]) -> QWidget:
    """Names on the left, and what they stand for."""
    box = QWidget()
    grid = QGridLayout(box)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(1, 1)
    for number, (name, content) in enumerate(rows):
        label = plain_label(name, "muted")
        label.setMinimumHeight(label.fontMetrics().height() + 12)
        grid.addWidget(label, number, 0, Qt.AlignmentFlag.AlignTop)
        if isinstance(content, QHBoxLayout):
            grid.addLayout(content, number, 1)
        else:
            grid.addWidget(content, number, 1)
    return box
