"""An order, its payment and its shipping in topics that panels follow it through, found without a broker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from kexplorer.formats.filters import compile_filter
from kexplorer.model.records import RecordColumns, Trouble
from kexplorer.model.search import FilterSpec, Piece, PieceResult, SavedSearch, SearchQuery
from kexplorer.services.jobs import Jobs
from kexplorer.services.search import Search
from kexplorer.services.sessions import Session
from kexplorer.ui.panels.correlation import CorrelationPanel
from tests.services.fake_cluster import FakeCluster
from tests.ui.sessions import session_on

NOW = 1_764_000_000_000
TOPICS = ("orders", "payments", "shipping", "notifications", "audit")

# Topic, milliseconds after the order, and what happened.
STEPS = (
    ("orders", 0, "OrderPlaced"),
    ("payments", 180, "PaymentRequested"),
    ("payments", 1_450, "PaymentDeclined"),
    ("notifications", 1_520, "CardDeclinedMailSent"),
    ("payments", 9_800, "PaymentRequested"),
    ("payments", 11_200, "PaymentCaptured"),
    ("orders", 11_310, "OrderPaid"),
    ("shipping", 14_000, "ParcelPacked"),
    ("notifications", 14_200, "OnItsWayMailSent"),
    ("shipping", 21_500, "ParcelDelivered"),
    ("orders", 21_600, "OrderCompleted"),
)


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


def saga(orders: int = 20) -> FakeCluster:
    """Their steps are interleaved. The id is the key of some, in a field or a header of others."""
    cluster = FakeCluster("shop")
    for topic in TOPICS:
        cluster.add_topic(topic, 2)
    events = sorted((at + n * 700, n, topic, what) for n in range(orders) for topic, at, what in STEPS)
    for at, number, topic, what in events:
        order = f"order-{number:04}"
        headers = (("correlation-id", f"saga-{number}".encode()),)
        value = json.dumps({"type": what, "orderId": order, "number": number}).encode()
        key = order.encode() if topic == "orders" else f"{topic}-{number}".encode()
        cluster.add(topic, value, key=key, partition=number % 2, timestamp=NOW + at, headers=headers)
    return cluster


@asynccontextmanager
async def opened(cluster: FakeCluster, topics: Sequence[str] = TOPICS) -> AsyncIterator[CorrelationPanel]:
    session = session_on(cluster)

    async def connect() -> Session:
        return session

    async def search(query: SearchQuery, known: Sequence[Trouble], _saved: SavedSearch | None) -> Search:
        return Search(query, _Scan(cluster, query.filter), lambda: ThreadPoolExecutor(2), known=known)

    panel = CorrelationPanel(cluster.profile, topics, connect, search, Jobs())
    panel.resize(1280, 800)
    panel.show()
    try:
        yield panel
    finally:
        await panel.close_panel()
        await session.close()
        panel.deleteLater()
