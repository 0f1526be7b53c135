"""The state of an entity in the panel, on a real broker with worker processes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kexplorer import app
from kexplorer.formats.partitioning import partition_for
from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.folding import FoldKind, FoldSpec
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import Trouble
from kexplorer.model.search import SavedSearch, SearchQuery
from kexplorer.services.search import Search
from kexplorer.services.sessions import Sessions
from kexplorer.ui.panels.entity import EntityPanel
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig.brokers import Broker
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.memory_audit import MemoryAudit


@pytest.mark.kafka
def test_a_cart_is_rebuilt(qtloop: LoopRunner, broker: Broker, topic_name: str, heartbeat: Heartbeat) -> None:
    heartbeat.allow(500, "a panel and its inspector are made in it, on two cores that a broker starts on")
    direct.create(broker.bootstrap, topic_name, 3)
    sent = [
        Sent(partition_for(key, 3), key, b'{"sku": "s%d", "qty": %d}' % (n % 4, n), timestamp=NOW + n)
        for n in range(2000)
        for key in (b"cart-%d" % (n % 40),)
    ]
    direct.produce(broker.bootstrap, topic_name, sent)
    profile = Profile("test", broker.bootstrap)

    async def connect(_: str) -> KafkaCluster:
        return KafkaCluster(profile, Credentials())

    async def open_search(query: SearchQuery, known: Sequence[Trouble], saved: SavedSearch | None) -> Search:
        return await app._open_search(profile, Credentials(), query, known, None, saved)

    async def look() -> None:
        sessions = Sessions(connect, MemoryAudit())
        panel = EntityPanel(profile, [topic_name], lambda: sessions.open("test"), open_search)
        panel.show()
        panel.bar.show_fold(FoldSpec(FoldKind.EXPRESSION, "skus = merge(state.skus, object(event.sku, event.qty))"))
        panel.open(b"cart-7")
        try:
            await until(lambda: "life" in vars(panel) and panel.life.look is not None)
            assert panel.status_text.startswith("50 events found and folded in ")
            assert panel.life.state_json() == '{"skus":{"s3":1967}}'
            assert panel.coverage.isHidden()  # everything was scanned
        finally:
            await panel.close_panel()
            await sessions.close_all()
            panel.deleteLater()

    qtloop.run(look())
