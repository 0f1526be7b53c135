"""Accounts and carts whose lives panels show, found without a broker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from kexplorer.formats.filters import compile_filter
from kexplorer.formats.partitioning import partition_for
from kexplorer.model.records import RecordColumns, Trouble
from kexplorer.model.search import FilterSpec, Piece, PieceResult, SavedSearch, SearchQuery
from kexplorer.services.search import Search
from kexplorer.services.sessions import Session
from kexplorer.ui.panels.entity import EntityPanel
from tests.services.fake_cluster import FakeCluster
from tests.ui.sessions import session_on

NOW = 1_764_000_000_000
PARTITIONS = 3


class _Scan:
    """Reads the records of the fake cluster, as workers do those of a real one."""

    def __init__(self, cluster: FakeCluster, spec: FilterSpec) -> None:
        self._cluster, self._spec = cluster, spec

    def __call__(self, piece: Piece) -> PieceResult:
        of = piece.range
        matches = compile_filter(self._spec, topic=of.source.topic, now=NOW).matches
        log = [each for each in self._cluster.logs[of.source] if of.start <= each.offset < (of.end or 0)]
        found = (r for r in log if matches(r.key, r.value, r.headers, r.partition, r.offset, r.timestamp))
        return PieceResult(piece, of.end or 0, len(log), 0, RecordColumns(found))


def accounts(events: int = 60) -> FakeCluster:
    """Deposits and withdrawals of account-7, those of others around them, a patch that fits nothing and a tombstone."""
    cluster = FakeCluster("bank")
    cluster.add_topic("accounts", PARTITIONS)
    for n in range(events):
        for name in ("account-7", f"account-{n % 5}"):
            value: dict[str, object] = {
                "owner": {"name": "Ada" if n < 40 else "Grace", "since": 2019},
                "balance": 100 + n * 7 % 31,
                "limits": {"daily": 500 if n % 20 else 900},
                "last": {"at": NOW + n * 3_600_000, "kind": "deposit" if n % 3 else "withdrawal"},
            }
            if n % 4 == 1:
                value["frozen"] = n % 8 == 1 or None
            add(cluster, name, json.dumps(value).encode(), n)
    add(cluster, "account-7", b"not a patch", events)
    add(cluster, "account-7", None, events + 3)
    add(cluster, "account-7", b'{"owner": {"name": "Grace"}, "balance": 9007199254740993}', events + 4)
    return cluster


def add(cluster: FakeCluster, key: str, value: bytes | None, hour: float, topic: str = "accounts") -> None:
    """Where Java's clients put it."""
    data = key.encode()
    place = partition_for(data, PARTITIONS)
    cluster.add(topic, value, key=data, partition=place, timestamp=NOW + round(hour * 3_600_000))


@asynccontextmanager
async def opened(cluster: FakeCluster, *topics: str) -> AsyncIterator[EntityPanel]:
    session = session_on(cluster)

    async def connect() -> Session:
        return session

    async def search(query: SearchQuery, known: Sequence[Trouble], _saved: SavedSearch | None) -> Search:
        return Search(query, _Scan(cluster, query.filter), lambda: ThreadPoolExecutor(2), known=known)

    panel = EntityPanel(cluster.profile, topics or ["accounts"], connect, search)
    panel.resize(1280, 760)
    panel.show()
    try:
        yield panel
    finally:
        await panel.close_panel()
        await session.close()
        panel.deleteLater()
