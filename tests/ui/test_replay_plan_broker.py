"""The plan of a replay on a broker: real records through a dry run, and the file that a replay is started with."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QDialog, QPushButton

from kexplorer.model.topics import Edge, TopicPartition
from kexplorer.services.catalog import Catalog
from kexplorer.services.changes import Changes
from kexplorer.services.sessions import Session
from kexplorer.store.plans import load_plan
from kexplorer.ui.panels.replay_plan import PlanPanel
from tests.kafka.direct import NOW, Sent, connected, create, produce
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.memory_audit import MemoryAudit
from tests.ui.sessions import click, dialog_of
from tests.ui.test_replay_plan import nothing_lacking

pytestmark = [pytest.mark.usefixtures("qtbot"), pytest.mark.kafka]
_RECORDS = 60


def test_a_dry_run_of_real_records_leads_to_a_saved_plan(
    qtloop: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    copy = f"{topic_name}-copy"
    create(broker.bootstrap, topic_name, 3)
    create(broker.bootstrap, copy, 2)
    records = [
        Sent(n % 3, b"k%d" % n, b'{"id":%d,"card":"4711"}' % n, (("trace", b"t"),), NOW + n) for n in range(_RECORDS)
    ]
    produce(broker.bootstrap, topic_name, records)

    async def look() -> None:
        async with connected(broker.bootstrap) as cluster:
            session = Session(cluster, Catalog(cluster), Changes(cluster, MemoryAudit()))

            async def opened(_name: str = "") -> Session:
                return session

            panel = PlanPanel(cluster.profile, opened, lambda: [cluster.profile], opened, tmp_path, nothing_lacking)
            started: list[Path] = []
            panel.start_wanted.connect(started.append)
            panel.show()
            try:
                places = panel.editor.form.places.rows[0]
                await until(lambda: places.source.known)
                for box, name in ((places.source, topic_name), (places.target, copy)):
                    box.setText(name)
                    box.textEdited.emit(name)
                panel.editor.form.filter.line.setText("value.id >= 30")
                panel.editor.form.filter.line.textEdited.emit("value.id >= 30")
                panel.look()
                await until(lambda: panel.dry_view.page == "found")
                assert "30 records" in panel.dry_view.summary.text()
                samples = [panel.dry_view.samples.row(n) for n in range(panel.dry_view.samples.rowCount())]
                assert {each.record.partition for each in samples} == {0, 1, 2}
                assert {each.partition for each in samples} == {0, 1}
                panel.start()
                dialog = await dialog_of(QDialog)
                click(next(b for b in dialog.findChildren(QPushButton) if b.text() == "Start"))
                await until(lambda: started)
            finally:
                await panel.close_panel()
                panel.deleteLater()
            assert load_plan(started[0]) == panel.plan
            ends = await cluster.list_offsets({TopicPartition(copy, n): Edge.END for n in range(2)})
            assert set(ends.values()) == {0}, "a dry run writes nothing"

    qtloop.run(look())
