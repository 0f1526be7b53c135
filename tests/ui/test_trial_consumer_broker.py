"""The panel of test consumers on a broker: two share a topic, and nothing is left when it is closed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kexplorer.kafka.trial_consumer import TrialThread, join
from kexplorer.model.profile import Credentials
from kexplorer.model.trial_consumer import Phase, Trial
from kexplorer.services.catalog import Catalog
from kexplorer.services.changes import Changes
from kexplorer.services.sessions import Session
from kexplorer.ui.panels.trial_consumer import TrialConsumerPanel
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.memory_audit import MemoryAudit

pytestmark = [pytest.mark.usefixtures("qtbot"), pytest.mark.kafka, pytest.mark.slow]


def _cells(panel: TrialConsumerPanel, title: str) -> Sequence[str]:
    model = panel.consumers
    column = [each.title for each in model.columns].index(title)
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def test_two_share_a_topic_and_leave_nothing_behind(qtloop: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 4)
    direct.produce(broker.bootstrap, topic_name, direct.rows(40, 4))
    started: list[TrialThread] = []

    async def look() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            audit = MemoryAudit()
            session = Session(cluster, Catalog(cluster), Changes(cluster, audit))

            async def open_session() -> Session:
                return session

            async def start(trial: Trial) -> TrialThread:
                started.append(join(cluster.profile, Credentials(), trial))
                return started[-1]

            panel = TrialConsumerPanel(cluster.profile, f"topic:{topic_name}", open_session, start, audit)
            panel.resize(1100, 600)
            panel.show()
            await until(lambda: not panel.tasks.running("begin"))
            panel.form.delay.setValue(0.0)
            panel.start.trigger()
            await until(lambda: _cells(panel, "Records") == ["40"])
            panel.start.trigger()
            await until(lambda: _cells(panel, "Partitions") == ["2", "2"])
            group = started[0].trial.group
            assert group in direct.groups_of(broker.bootstrap)
            await panel.close_panel()
            assert [each.state.phase for each in started] == [Phase.LEFT, Phase.LEFT]
            assert group not in direct.groups_of(broker.bootstrap)
            assert sorted(each.verb for each in audit.sent) == [
                "Delete groups",
                *["Join group with a test consumer"] * 2,
            ]
            panel.deleteLater()

    qtloop.run(look())
