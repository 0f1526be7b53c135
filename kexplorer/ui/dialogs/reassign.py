"""Moves partitions to other brokers or changes their replication factor, by a plan, and watches the moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QWidget,
)

from kexplorer.formats.numbers import count, size
from kexplorer.model.changes import Reassign
from kexplorer.model.cluster import Reassignment
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import ClusterMetadata, TopicPartition
from kexplorer.services.assignment_plan import moved, plan_assignment
from kexplorer.services.sessions import Session
from kexplorer.services.topic_admin import partition_sizes
from kexplorer.ui.dialogs.change_dialog import make_change
from kexplorer.ui.dialogs.fields import Field
from kexplorer.ui.dialogs.form import ChangeForm, answered
from kexplorer.ui.models.replica_plan import PlanModel, PlanRow, brokers_text, parse_brokers
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable

_LOOK_EVERY = 1.0  # seconds
_LOOKS_AFTER = 10  # at what brokers tell once nothing moves any more
_ABOUT = (
    "The first broker of each partition is its preferred leader. What is planned is sent at once; brokers then copy in "
    "the background, and the old replicas stay until the new ones are in sync."
)


async def reassign(parent: QWidget | None, session: Session, topics: Sequence[str]) -> None:
    """Moves go on when the dialog is closed."""
    metadata = await session.catalog.refresh()
    await answered(ReassignDialog(parent, session, topics, metadata))


class ReassignDialog(ChangeForm):
    def __init__(
        self, parent: QWidget | None, session: Session, topics: Sequence[str], metadata: ClusterMetadata
    ) -> None:
        what = topics[0] if len(topics) == 1 else f"{len(topics)} topics"
        super().__init__(parent, session, f"Reassign partitions of {what}", "Reassign…", self._submit, _ABOUT)
        self._topics = frozenset(topics)
        self._rows: dict[TopicPartition, PlanRow] = {}
        self._sizes: Mapping[TopicPartition, int] = {}
        self._sent: dict[TopicPartition, tuple[int, ...]] = {}  # taken by the brokers, and not there yet
        self._started = 0  # partitions that moved when this began to look
        self._racks = {broker.id: broker.rack for broker in metadata.brokers}
        self.plan = PlanModel(self)
        self.plan.edited.connect(self._edited)
        self.brokers = QLineEdit(brokers_text(sorted(self._racks)))
        self.factor = QSpinBox()
        self.factor.setRange(1, max(len(self._racks), 1))
        self.summary = plain_label("", wrap=True)
        self.progress = QProgressBar()
        self.progress.setAccessibleName("Partitions that arrived")
        self.progress.hide()
        self.stop = QPushButton("Cancel moves…")
        self.stop.setProperty("kind", "danger")
        self.stop.setAutoDefault(False)
        self.stop.clicked.connect(lambda: self.tasks.start("stop", self._cancel_moves()))
        self.stop.hide()
        self.cancel.setText("Close")
        self.broker_field = Field("&Brokers to use", self.brokers, self._racks_in_words())
        self._lay_out()
        self._take(metadata)
        self.factor.setValue(max((len(row.now) for row in self._rows.values()), default=1))
        self.resize(860, 600)
        self.tasks.start("watch", self._watch())
        self.tasks.start("sizes", self._read_sizes())

    def _lay_out(self) -> None:
        choice = QHBoxLayout()
        choice.setSpacing(12)
        choice.addWidget(self.broker_field, 2)
        choice.addWidget(Field("Replication &factor", self.factor, " "), 1)
        plans = QHBoxLayout()
        plans.setSpacing(8)
        for text, tip, run in (
            ("Balance over brokers", "As even as can be, with as little moved as that needs", self._balance),
            ("Set replication factor", "What is there stays where it is", self._set_factor),
            ("As it is now", "Drops the plan", self._drop),
        ):
            plans.addWidget(_button(text, tip, run))
        plans.addStretch()
        table = RowsTable(self.plan, "Plan")
        table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.body.addLayout(choice)
        self.body.addLayout(plans)
        self.body.addWidget(table, 1)
        self.body.addWidget(self.summary)
        self.body.addWidget(self.progress)
        self.buttons.insertWidget(0, self.stop)

    def _racks_in_words(self) -> str:
        if not all(self._racks.values()):
            return "Not every broker tells its rack: racks are not looked at."
        return f"Racks: {', '.join(f'{broker} in {rack}' for broker, rack in sorted(self._racks.items()))}."

    # the plan

    def _balance(self) -> None:
        self._propose(balance=True)

    def _set_factor(self) -> None:
        self._propose(balance=False)

    def _propose(self, *, balance: bool) -> None:
        self.show_failure(None)
        self.broker_field.show_problem(None)
        chosen = parse_brokers(self.brokers.text())
        unknown = [broker for broker in chosen or () if broker not in self._racks]
        if chosen is None or unknown:
            why = f"There is no broker {brokers_text(unknown)}." if unknown else "The brokers are not a list of ids."
            known = f"Write ids with commas between, such as {brokers_text(sorted(self._racks))}."
            self.broker_field.show_problem(Failure(FailureKind.INVALID, why, known))
            return
        racks = {broker: self._racks[broker] for broker in chosen}
        now = {source: row.now for source, row in self._rows.items()}
        try:
            found = plan_assignment(now, racks, self.factor.value(), balance=balance)
        except Failure as failure:
            self.show_failure(failure)
            return
        self._rows = {source: replace(row, planned=found[source]) for source, row in self._rows.items()}
        self._show()

    def _drop(self) -> None:
        self._rows = {source: replace(row, planned=row.now) for source, row in self._rows.items()}
        self._show()

    def _edited(self, source: TopicPartition, brokers: tuple[int, ...]) -> None:
        if unknown := [broker for broker in brokers if broker not in self._racks]:
            why = f"There is no broker {brokers_text(unknown)}."
            self.show_failure(Failure(FailureKind.INVALID, why, f"There are {brokers_text(sorted(self._racks))}."))
            return
        self.show_failure(None)
        self._rows[source] = replace(self._rows[source], planned=brokers)
        self._show()

    async def _submit(self) -> None:
        wanted = {source: row.planned for source, row in self._rows.items() if row.changed}
        outcome = await make_change(self, self.session.changes, Reassign(wanted))
        if outcome is not None:
            failed = outcome.failures
            self._sent = {s: replicas for s, replicas in wanted.items() if f"{s.topic}-{s.partition}" not in failed}
            self._show()
            if self._sent:
                self.tasks.start("watch", self._watch(changed=True))

    # what is under way

    async def _watch(self, *, changed: bool = False) -> None:
        """Until nothing moves any more, and brokers tell that the replicas are where they were sent: they hear of the
        end of a move one after the other."""
        looks = _LOOKS_AFTER
        while looks:
            try:
                found = await self.session.cluster.reassignments()
            except Failure:
                self._sent = {}
                self._show()
                raise
            moving = {source: each for source, each in found.items() if source in self._rows}
            self._show_moves(moving)
            if moving:
                changed = True
            elif not changed:
                return
            else:
                self._take(await self.session.catalog.refresh())
                looks = looks - 1 if any(row.changed for row in self._rows.values()) else 0
            if looks:
                await asyncio.sleep(_LOOK_EVERY)
        self._sent = {}
        self._drop()

    def _show_moves(self, moving: Mapping[TopicPartition, Reassignment]) -> None:
        self._started = max(self._started, len(moving)) if moving else 0
        self._rows = {source: replace(row, under_way=moving.get(source)) for source, row in self._rows.items()}
        self.progress.setVisible(bool(moving))
        self.stop.setVisible(bool(moving))
        if moving:
            self.progress.setRange(0, self._started)
            self.progress.setValue(self._started - len(moving))
        self._show()

    async def _cancel_moves(self) -> None:
        wanted = dict.fromkeys((source for source, row in self._rows.items() if row.under_way), None)
        if wanted and await make_change(self, self.session.changes, Reassign(wanted)):
            self._sent = {}
            self.tasks.start("watch", self._watch(changed=True))

    async def _read_sizes(self) -> None:
        try:
            self._sizes = await partition_sizes(self.session.cluster, self._racks)
        except Failure:
            return  # the summary says so
        self._show()

    # what is shown

    def _take(self, metadata: ClusterMetadata) -> None:
        """What is there now. The plan is the same, but for what was sent and is not there yet."""
        self._rows = {
            (source := TopicPartition(topic.name, part.id)): PlanRow(
                source, part.replicas, self._sent.get(source, part.replicas)
            )
            for topic in metadata.topics
            if topic.name in self._topics
            for part in topic.partitions
        }
        self._show()

    def _show(self) -> None:
        rows = list(self._rows.values())
        self.plan.set_rows(rows)
        moving = [row for row in rows if row.under_way]
        changed = [row for row in rows if row.changed]
        self.action.setEnabled(bool(changed) and not self._sent)
        if self._sent and not moving:
            self.summary.setText("The brokers were asked …")
        elif moving:
            self.summary.setText(f"{count(len(moving))} of {_partitions(len(rows))} are being moved.")
        elif not changed:
            self.summary.setText(f"{_partitions(len(rows))}, no change is planned.")
        else:
            self.summary.setText(self._in_words(changed))

    def _in_words(self, changed: Sequence[PlanRow]) -> str:
        copies = sum(moved(row.now, row.planned) for row in changed)
        leaders = sum(row.now[:1] != row.planned[:1] for row in changed)
        text = f"{_partitions(len(changed))} to change: {count(copies)} {'copy' if copies == 1 else 'copies'}"
        if copies and self._sizes:
            text += f" of about {size(sum(moved(r.now, r.planned) * self._sizes.get(r.source, 0) for r in changed))}"
        elif copies:
            text += " (their size is not told)"
        return f"{text}, {count(leaders)} {'leader' if leaders == 1 else 'leaders'} to change."


def _partitions(number: int) -> str:
    return "1 partition" if number == 1 else f"{count(number)} partitions"


def _button(text: str, tip: str, run: Callable[[], None]) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setAutoDefault(False)
    button.clicked.connect(run)
    return button
