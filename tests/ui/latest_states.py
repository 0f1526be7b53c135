"""A topic of orders for panels of latest states, gathered without a broker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from zlib import crc32

from kexplorer.formats.column import compile_column
from kexplorer.formats.latest_rows import Row, pack
from kexplorer.formats.payloads import MISSING
from kexplorer.model.latest import PieceLatest
from kexplorer.model.records import Peek, Record, RecordColumns, Trouble
from kexplorer.model.search import Piece
from kexplorer.services.jobs import Jobs
from kexplorer.services.latest import Gathering, LatestQuery
from kexplorer.services.latest_folding import FoldBucket
from kexplorer.store.latest import LatestFile, make_table
from kexplorer.ui.panels.latest import LatestPanel
from tests.services.fake_cluster import FakeCluster
from tests.ui.sessions import session_on

NOW = 1_764_000_000_000


class _Scan:
    """Reads the records of the fake cluster, as workers do those of a real one."""

    def __init__(self, cluster: FakeCluster, file: LatestFile, query: LatestQuery) -> None:
        self._cluster, self._file, self._query = cluster, file, query

    def __call__(self, piece: Piece) -> PieceLatest:
        of = piece.range
        records = [each for each in self._cluster.logs[of.source] if of.start <= each.offset < (of.end or 0)]
        chunks: dict[int, list[Row]] = {}
        keyless = 0
        for each in records:
            if (key := self._key(each)) is None:
                keyless += 1
            else:
                row = key, each.offset, each.timestamp, each.value, 1, each.key, each.headers
                chunks.setdefault(crc32(key) % self._query.buckets, []).append(row)
        self._file.put(of.source, of.start, {bucket: pack(rows) for bucket, rows in chunks.items()})
        return PieceLatest(piece, of.end or 0, len(records), 0, RecordColumns(), keyless=keyless)

    def _key(self, record: Record) -> bytes | None:
        if not self._query.key:
            return record.key
        found = compile_column(self._query.key, 0).value_of(Peek(record, 0))
        return None if found is None or found is MISSING else str(found).encode()


def orders(count: int = 40) -> FakeCluster:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 2)
    for n in range(3 * count):
        key, status = f"order-{n % count:04}".encode(), ("NEW", "PAID", "SENT")[n // count]
        value = {"id": n % count, "status": status, "customer": f"c{n % 7}", "total": 19.9 + n % count}
        cluster.add("orders", json.dumps(value).encode(), key=key, partition=n % 2, timestamp=NOW + 1000 * n)
    cluster.add("orders", None, key=b"order-0003", partition=1, timestamp=NOW + 10_000_000)
    cluster.add("orders", b"x", partition=0, timestamp=NOW)
    return cluster


@asynccontextmanager
async def opened(cluster: FakeCluster, folder: Path) -> AsyncIterator[LatestPanel]:
    async def gather(query: LatestQuery, known: Sequence[Trouble]) -> Gathering:
        table = make_table(folder)

        scan = _Scan(cluster, table.file, query)
        fold = FoldBucket(table.file, query.fold)
        return Gathering(query, table, scan, fold, lambda: ThreadPoolExecutor(2), known=known)

    session = session_on(cluster)

    async def connect() -> object:
        return session

    panel = LatestPanel(cluster.profile, ["orders"], connect, gather, Jobs())  # type: ignore[arg-type]
    panel.resize(1280, 760)
    panel.show()
    try:
        yield panel
    finally:
        await panel.close_panel()
        await session.close()
        panel.deleteLater()
