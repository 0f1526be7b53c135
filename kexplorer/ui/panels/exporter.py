"""Asks what of a panel's records to write where, and has it written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Record, RecordRing
from kexplorer.model.topics import IsolationLevel
from kexplorer.services.coverage import length
from kexplorer.services.jobs import Jobs
from kexplorer.services.ranges import Resolved
from kexplorer.ui.tasks import Tasks

if TYPE_CHECKING:
    from kexplorer.ui.dialogs.export_dialog import ExportChoice


class Exporter:
    """What it writes goes on in `tasks` when the panel that asked is closed. Remembers the last choice."""

    def __init__(self, jobs: Jobs, tasks: Tasks) -> None:
        self._jobs = jobs
        self._tasks = tasks
        self._last: ExportChoice | None = None

    async def ask(
        self,
        panel: QWidget,
        name: str,
        cluster: Cluster,
        part: Resolved,
        isolation: IsolationLevel,
        selected: Sequence[Record],
        ring: RecordRing | None,
    ) -> None:
        """`part` is what the whole range means, `ring` has the records that are shown; None where they are read as one
        looks at them. Returns when the writing has begun."""
        from kexplorer.ui.dialogs.export_dialog import What, ask_export  # noqa: PLC0415  (a panel needs no dialog)

        offsets = sum(map(length, part.ranges))
        choice = await ask_export(panel, name, len(selected), 0 if ring is None else len(ring), offsets, self._last)
        if choice is None:
            return
        self._last = choice
        if choice.what is What.RANGE:
            work = self._write_range(choice, cluster, part, isolation)
        else:
            work = self._write(choice, ring if choice.what is What.SHOWN and ring is not None else selected)
        self._tasks.start(f"export {choice.target.path}", work)

    async def _write_range(
        self, choice: ExportChoice, cluster: Cluster, part: Resolved, isolation: IsolationLevel
    ) -> None:
        from kexplorer.services.export import export_range  # noqa: PLC0415

        report = await export_range(cluster, part.ranges, isolation, choice.target, self._jobs, part.troubles)
        if not report.complete:
            raise Failure(FailureKind.BROKER, " ".join(report.lines()))

    async def _write(self, choice: ExportChoice, records: RecordRing | Sequence[Record]) -> None:
        from kexplorer.services.export import export_records  # noqa: PLC0415

        report = await export_records(records, len(records), choice.target, self._jobs)
        if not report.complete:
            raise Failure(FailureKind.BROKER, " ".join(report.lines()))
