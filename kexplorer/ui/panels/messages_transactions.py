"""What a messages panel tells of transactions while it shows records."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import tzinfo

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure
from kexplorer.model.records import RecordRing
from kexplorer.model.topics import TopicPartition
from kexplorer.services.transactions import Marks, held, sentence
from kexplorer.ui.widgets.record_view import RecordView

_LOOK_EVERY = 3.0  # seconds between two looks for open transactions
_REST = 0.5  # seconds in which the first rows are painted
_MARK_EVERY = 1.0  # seconds between two looks at the records on screen


async def tell_held(
    cluster: Cluster, sources: Sequence[TopicPartition], zone: Callable[[], tzinfo], show: Callable[[str], None]
) -> None:
    """Shows a sentence of open transactions that held readers at the same place before: most last for milliseconds.
    "" for none. Goes on until it is cancelled; failures are for whoever reads to tell."""
    stable: dict[TopicPartition, int] = {}
    await asyncio.sleep(_REST)
    while True:
        found = []
        with contextlib.suppress(Failure):
            found = await held(cluster, sources)
        stuck = [each for each in found if stable.get(each.source) == each.last_stable]
        show(sentence(stuck, zone()))
        stable = {each.source: each.last_stable for each in found}
        await asyncio.sleep(_LOOK_EVERY)


async def mark_shown(cluster: Cluster, ring: RecordRing, view: RecordView) -> None:
    """Marks the rows of `ring` that are on screen, until it is cancelled. A window marks its own."""
    marks = Marks(cluster)
    while True:
        await asyncio.sleep(_MARK_EVERY)
        shown = view.shown_records() if view.isVisible() else None
        if not shown:
            continue
        with contextlib.suppress(Failure):
            found = await marks.of(shown)
            for _, source, offset in shown.positions():
                ring.marks.pop((source, offset), None)
            ring.marks |= found
            view.marks_changed()
