"""A rule about the lag of groups, from its file to the window: on a real broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from kexplorer import app
from kexplorer.model.alerts import AlertRule
from kexplorer.model.changes import AlterOffsets
from kexplorer.model.profile import Profile
from kexplorer.model.topics import TopicPartition
from kexplorer.services.lag_watch import Sampled
from kexplorer.store.home import Home
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.test_explorer import _running


@pytest.mark.kafka
def test_an_alert_begins_once_and_ends(qtloop: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path) -> None:
    app._import_client()
    group = f"{topic_name}-team"
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(10))
    home = Home(tmp_path)

    async def commit(offset: int) -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            change = AlterOffsets(group, {TopicPartition(topic_name, 0): offset})
            assert not any((await cluster.apply(change)).values())

    async def told() -> list[bool]:
        return [line.began for line in await home.alert_log.lines(10) if line.group == group]

    async def noted(count: int) -> None:
        found = await told()
        while len(found) < count:
            found = await told()

    async def look() -> None:
        rule = AlertRule("behind", group, above=5, below=1, seconds=0)
        await home.alert_rules.save(rule.name, rule)
        async with _running(tmp_path, Profile("local", broker.bootstrap)) as explorer:
            shown: list[str] = []
            explorer.window.status_bar.messageChanged.connect(shown.append)
            session = await explorer.clusters.session("local")
            session.lag.every = 0.1
            looks: list[Sampled] = []
            session.lag.subscribe([group], looks.append)
            await commit(2)
            await noted(1)
            assert shown == [f"{group} is 8 messages behind, more than 5."]
            seen = len(looks)
            await until(lambda: len(looks) > seen + 5)
            assert await told() == [True]
            await commit(10)
            await noted(2)
            assert await told() == [False, True]
            assert len(shown) == 2
            assert shown[1].startswith(f"{group} ")
            explorer.clusters.use_rules({})
            await commit(0)
            seen = len(looks)
            await until(lambda: len(looks) > seen + 5)
            assert await told() == [False, True]

    qtloop.run(look())
