"""The newest records of a topic, as readers of all records and as those of committed ones get them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import RecordColumns
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services.group_lag import Edges

MOST_RECORDS = 2000
_LEAST = 20  # of a partition, however few records it gets
MOST_BYTES = 32 << 20
_WITHIN = 15.0  # seconds


@dataclass(frozen=True, slots=True)
class Sample:
    """`records` are those of committed, aborted and open transactions. `ranges`: which offsets they were read from."""

    records: RecordColumns
    ranges: Sequence[OffsetRange]


async def read_sample(
    cluster: Cluster, edges: Mapping[TopicPartition, Edges], written: Mapping[TopicPartition, int]
) -> Sample:
    """Of `written` offsets a share of each partition, from its end. Raises `Failure`."""
    total = sum(written.values())
    busiest = sorted(written, key=lambda source: -written[source])[: MOST_RECORDS // _LEAST]
    ranges = []
    for source in busiest:
        start, end = edges[source].start or 0, edges[source].end or 0
        wanted = max(MOST_RECORDS * written[source] // max(total, 1), _LEAST)
        if start < end:
            ranges.append(OffsetRange(source, max(start, end - wanted), end))
    return Sample(await read(cluster, ranges), ranges)


async def read(
    cluster: Cluster,
    ranges: Sequence[OffsetRange],
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
) -> RecordColumns:
    """Ends early where records are large. Raises `Failure`, also where nothing came in time."""
    found = RecordColumns()
    if not ranges:
        return found
    try:
        async with asyncio.timeout(_WITHIN), cluster.open_reader(ranges, isolation) as reader:
            while found.nbytes < MOST_BYTES and (batch := await reader.next_batch()) is not None:
                found.extend(batch.records)
                if batch.troubles:
                    raise batch.troubles[0].failure
    except TimeoutError:
        text = f"The newest records were not read within {_WITHIN:g} s."
        raise Failure(FailureKind.TIMEOUT, text, "Try again.") from None
    return found
