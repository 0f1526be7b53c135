"""Sets where a consumer group goes on, after a look at the very records that it would read first; and undoes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, tzinfo
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.numbers import count
from kexplorer.model.failure import Failure
from kexplorer.model.groups import Group
from kexplorer.model.offset_snapshots import OffsetSnapshots
from kexplorer.model.schemas import SchemaKey
from kexplorer.model.topics import Topic, TopicPartition
from kexplorer.services.reset_plan import First, Move, ResetPlan, Rule, Rules, first_records, make_plan
from kexplorer.services.reset_rules import Mode
from kexplorer.services.resets import Resets, changes_of, partitions_of, read_file, undoing, write_file
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.change_dialog import make_change
from kexplorer.ui.dialogs.form import ChangeForm, answered
from kexplorer.ui.models.reset_plan import LOG, MoveRow, ResetPlanModel, summary_words
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.move_track import MoveDelegate, MoveLegend
from kexplorer.ui.widgets.record_columns import RecordColumnSet
from kexplorer.ui.widgets.reset_rule_box import ALL, SELECTED, ResetRuleBox
from kexplorer.ui.widgets.rows_table import RowsTable
from kexplorer.ui.widgets.topic_picks import TopicPicks

_PAUSE = 0.3  # seconds without a key before a rule is looked up
_AGAIN = 2.0  # seconds between two looks at a group that is in use


class ResetOffsetsDialog(ChangeForm):
    """For a group that is not there, too: it is made by it. `undo`: begins with the last reset that can be undone.
    Times that are typed without a zone are in `zone`."""

    def __init__(
        self,
        parent: QWidget | None,
        session: Session,
        group: str,
        snapshots: OffsetSnapshots,
        zone: tzinfo = UTC,
        *,
        undo: bool = False,
    ) -> None:
        super().__init__(parent, session, f"Reset offsets of {group}", "Reset…", self._submit)
        self._group, self._zone = group, zone
        self._resets = Resets(session.cluster, snapshots, group)
        self._topics: dict[str, Topic] = {}
        self._committed: frozenset[TopicPartition] = frozenset()
        self._base: Rule | None = None
        self._own: dict[TopicPartition, Rule] = {}  # of partitions that have a rule of their own
        self._columns = RecordColumnSet()
        self._columns.set_schemas(session.schemas)
        self._asked: frozenset[SchemaKey] = frozenset()
        self._touched = False  # something was sent
        self._results: Mapping[TopicPartition, str] = {}
        self.plan: ResetPlan | None = None  # what the rules, as they stand, would do
        self.rules = ResetRuleBox(zone)
        self.topics = TopicPicks()
        self.moves = ResetPlanModel(self)
        self.table = RowsTable(self.moves, "What is committed, and what will be")
        self.detail = ElidedLabel()  # of the row that the keyboard is in
        self.summary = plain_label(" ", wrap=True)
        self.export = QPushButton("Export")
        self._lay_out()
        self.action.setEnabled(False)
        self.rules.setFocus()
        if undo:
            self.rules.mode.setCurrentText(Mode.UNDO)
        self.rules.changed.connect(self._rule_changed)
        self.rules.scope.activated.connect(lambda _: self._rule_changed())
        self.topics.changed.connect(lambda: self._start(0))
        self.moves.edited.connect(self._edited)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._show_detail())
        self.tasks.start("look", self._load())

    async def run(self) -> bool:
        """Whether anything was sent."""
        return await answered(self) or self._touched

    def _lay_out(self) -> None:
        self.table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.table.setItemDelegateForColumn(LOG, MoveDelegate(lambda row: self.moves.row(row).move, self.table))
        self.table.setProperty("panel", True)
        menu = QMenu(self.export)
        menu.addAction("Offsets as planned…", lambda: self._ask_where(planned=True))
        menu.addAction("Offsets as they are now…", lambda: self._ask_where(planned=False))
        self.export.setMenu(menu)
        self.export.setAutoDefault(False)
        self.export.setToolTip("As a CSV file, as Kafka's own tool has it")
        self.buttons.insertWidget(0, self.export)
        below = QHBoxLayout()
        below.setSpacing(16)
        below.addWidget(self.summary, 1)
        below.addWidget(MoveLegend(), 0, Qt.AlignmentFlag.AlignTop)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.table, 1)
        column.addWidget(self.detail)
        column.addLayout(below)
        split = QSplitter()
        split.addWidget(self.topics)
        split.addWidget(right)
        split.setSizes([170, 1030])
        split.setStretchFactor(1, 1)
        split.setChildrenCollapsible(False)
        self.body.addWidget(self.rules)
        self.body.addWidget(split, 1)
        self.resize(1240, 640)

    # what is planned

    async def _load(self) -> None:
        """What the group reads, and what can be undone."""
        self.summary.setText("Reading what is committed …")
        cluster = self.session.cluster
        metadata, held, described, listed = await asyncio.gather(
            cluster.metadata(),
            cluster.group_offsets({self._group: None}),
            cluster.describe_groups([self._group]),
            cluster.groups(),
        )
        self.rules.set_snapshots(await self._resets.earlier())
        offsets, group = held[self._group], described[self._group]
        if isinstance(offsets, Failure):
            raise offsets
        assigned = {source for each in group.members for source in each.assigned} if isinstance(group, Group) else set()
        self._topics = {topic.name: topic for topic in metadata.topics}
        self._committed = frozenset(source for source, each in offsets.items() if each is not None)
        self.topics.set_topics(metadata.topics)
        self.topics.offer(sorted({source.topic for source in self._committed | assigned}))
        self.rules.set_groups(each.id for each in listed.listed if each.type.commits and each.id != self._group)
        self._rule_changed()

    def _start(self, pause: float) -> None:
        self.action.setEnabled(False)
        self.tasks.start("look", self._look(pause))

    def _rule_changed(self) -> None:
        """For all partitions, those of a topic, or those that are selected."""
        self._results = {}
        self.rules.show_problem(None)
        if not self.rules.by_partition and not self._take_rule():
            self.plan = None  # the rows stay, since the rule may be for those that are selected
            self.action.setEnabled(False)
            self.tasks.cancel("look")
            self.summary.setText("The table still shows the rule before." if self.moves.rowCount() else " ")
            return
        self._start(_PAUSE if self.rules.value.hasFocus() or self.rules.groups.hasFocus() else 0)

    def _take_rule(self) -> bool:
        try:
            rule = self.rules.rule()
        except Failure as failure:
            self.rules.show_problem(None if self.rules.empty else failure)
            return False
        scope = self.rules.scope.currentText()
        if scope == ALL:
            self._base, self._own = rule, {}
        elif scope == SELECTED:
            rows = {index.row() for index in self.table.selectedIndexes()}
            self._own |= {self.moves.row(row).move.source: rule for row in rows}
        else:
            self._own |= dict.fromkeys(self._partitions(scope), rule)
        return True

    def _edited(self, source: TopicPartition, rule: Rule) -> None:
        if not self.rules.by_partition:
            self._results = {}
            self._own[source] = rule
            self._start(0)

    def _partitions(self, topic: str) -> set[TopicPartition]:
        """A topic that one may not describe is known by what was committed for it."""
        found = self._topics.get(topic)
        known = {TopicPartition(topic, part.id) for part in found.partitions} if found else set()
        return known | {source for source in self._committed if source.topic == topic}

    async def _rules(self) -> Rules:
        if not self.rules.by_partition:
            sources = {source for topic in self.topics.picked() for source in self._partitions(topic)}
            ruled = {source: self._own.get(source, self._base) for source in sources}
            return {source: rule for source, rule in ruled.items() if rule is not None}
        found: Rules
        if self.rules.chosen is Mode.UNDO:
            found = undoing(self.rules.snapshot())
        elif self.rules.empty:
            return {}
        else:
            found = await read_file(Path(self.rules.path()), self._group)
        self.topics.offer(sorted({source.topic for source in found}))
        picked = set(self.topics.picked())
        return {source: rule for source, rule in found.items() if source.topic in picked}

    async def _look(self, pause: float) -> None:
        self.show_failure(None)
        await asyncio.sleep(pause)
        try:
            rules = await self._rules()
        except Failure as failure:
            self._show_rows(None)
            self.rules.show_problem(failure)
            return
        if not rules:
            self._show_rows(None)
            return
        self.rules.set_topics(sorted({source.topic for source in rules}))
        self.summary.setText("Looking up offsets …")
        while True:
            try:
                plan = await make_plan(self.session.cluster, self._group, rules, time.time_ns() // 1_000_000)
            except Failure:
                self._show_rows(None)
                raise
            self._show_rows(plan)
            await self._read_first(plan)
            if plan.refused is None or not plan.group.type.commits:
                return
            await self._until_unused()

    async def _until_unused(self) -> None:
        """Its members may leave while the dialog is open."""
        while True:
            await asyncio.sleep(_AGAIN)
            group = (await self.session.cluster.describe_groups([self._group]))[self._group]
            if isinstance(group, Group) and not group.state.active and not group.members:
                return

    async def _read_first(self, plan: ResetPlan) -> None:
        async for found in first_records(self.session.cluster, plan.moves, self._columns.limit):
            self._show_first(found)
            if self.session.schemas is not None and (wanted := self._columns.awaited - self._asked):
                self._asked |= wanted
                await self.session.schemas.prepare(wanted)
                self._show_first(found)

    # what is shown

    def _show_rows(self, plan: ResetPlan | None) -> None:
        self.plan = plan
        moves = plan.moves if plan else ()
        self.moves.set_rows(MoveRow(move, result=self._results.get(move.source, "")) for move in moves)
        refused = plan.refused if plan else None
        self.show_failure(refused)
        self.action.setEnabled(plan is not None and refused is None and any(move.changes for move in moves))
        self.export.setEnabled(bool(moves))
        nothing = "Tick or add the topics that the group shall read." if not self.topics.picked() else " "
        self.summary.setText(summary_words(moves) if plan else nothing)
        self._show_detail()

    def _show_first(self, found: Mapping[TopicPartition, First]) -> None:
        rows = [self.moves.row(number) for number in range(self.moves.rowCount())]
        self.moves.set_rows(
            replace(row, first=self._first_words(row.move, found[row.move.source])) if row.move.source in found else row
            for row in rows
        )

    def _show_detail(self) -> None:
        at = self.table.currentIndex()
        row = self.moves.row(at.row()) if at.isValid() else None
        told = (f"{row.move.source.topic} {row.move.source.partition}:", row.words, row.first) if row else ()
        self.detail.show_text(" ".join(filter(None, told)))

    def _first_words(self, move: Move, first: First) -> str:
        if isinstance(first, Failure):
            return str(first)
        if first is None:
            if move.start == move.end:
                return "Nothing is in this partition."
            at_end = (move.new or 0) >= (move.end or 0)
            return "The next record that is written." if at_end else "Only markers, or compacted: what is written next."
        cells = self._columns.cells(first, self._zone)
        texts = [cells[self._columns.number_of(key)] for key in ("timestamp", "key", "value")]
        at = f"offset {count(first.record.offset)} · " if first.record.offset != move.new else ""
        return at + " · ".join(cell.text or cell.mark for cell in texts)

    # what is done

    async def _submit(self) -> None:
        if self.plan is None:
            return
        plan = self.plan
        wanted: dict[TopicPartition, int | None] = {**plan.sets, **dict.fromkeys(plan.forgets)}
        before = await self._resets.keep(self.rules.words, wanted)
        for number, change in enumerate(changes_of(plan)):
            outcome = await make_change(self, self.session.changes, change)
            if outcome is None and number == 0:
                await self._resets.drop(before)
            if outcome is None or outcome.failures:
                asked = {source: wanted[source] for source in partitions_of(change)}
                self._results = await self._resets.settle(before, asked, outcome.failures) if outcome else {}
                self._touched |= outcome is not None
                self.rules.set_snapshots(await self._resets.earlier())
                self._start(0)
                return
            self._touched = True
        self.accept()

    def _ask_where(self, *, planned: bool) -> None:
        moves = self.plan.moves if self.plan else ()
        found = {move.source: move.new if planned else move.old for move in moves}
        offsets = {source: offset for source, offset in found.items() if offset is not None}
        dialog = QFileDialog(self, "Export offsets", f"{self._group}.csv", "CSV (*.csv);;All files (*)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self.tasks.start("export", self._told(path, offsets)))
        dialog.open()

    async def _told(self, path: str, offsets: Mapping[TopicPartition, int]) -> None:
        await write_file(Path(path), offsets)
        self.summary.setText(f"{count(len(offsets))} offsets were written to {path}.")
