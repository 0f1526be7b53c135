"""How long it takes from the click on a topic until its newest 100 records are painted.

    .venv/bin/python -m tests.benchmarks.click_to_rows [HOST:PORT]

Starts the rig's Kafka unless a broker is given, writes a topic of 6 partitions with 60,000 records of 1 KB (lz4), and
opens it again and again in a real window (offscreen) whose connection is open. Prints the median and the parts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import qasync
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.profile import Credentials, Profile
from kexplorer.services.jobs import Jobs
from kexplorer.services.search import Search
from kexplorer.services.searches import Searches
from kexplorer.services.sessions import Sessions
from kexplorer.store.filters import FilterStore
from kexplorer.store.scans import ScanStore
from kexplorer.ui import theme
from kexplorer.ui.panels.exporter import Exporter
from kexplorer.ui.panels.messages import MessagesPanel
from kexplorer.ui.tasks import Tasks
from tests.rig.kafka import KafkaCluster as Rig
from tests.rig.kafka import prepare

RUNS = 30


class _Painted(QObject):
    """Notes when the table is painted with rows in it."""

    def __init__(self, panel: MessagesPanel) -> None:
        super().__init__(panel)
        self.at = asyncio.get_running_loop().create_future()
        self._panel = panel
        panel.view.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and self._panel.rows and not self.at.done():
            asyncio.get_running_loop().call_soon(self._painted)
        return super().eventFilter(watched, event)

    def _painted(self) -> None:
        if not self.at.done():
            self.at.set_result(time.perf_counter())


async def _measure(bootstrap: str, topic: str) -> None:
    profile = Profile("benchmark", bootstrap)

    async def connect(_: str) -> KafkaCluster:
        return KafkaCluster(profile, Credentials())

    async def no_search(*_: object) -> Search:
        raise LookupError("this benchmark searches nothing")

    sessions = Sessions(connect)
    home = Path(tempfile.mkdtemp())
    searches = Searches("benchmark", ScanStore(home / "searches.db"), FilterStore(home / "filters.json"), no_search)
    exporter = Exporter(Jobs(), Tasks(print))
    await (await sessions.open("benchmark")).catalog.refresh()
    made, shown = [], []
    for run in range(RUNS + 3):
        clicked = time.perf_counter()
        panel = MessagesPanel(profile, [topic], lambda: sessions.open("benchmark"), searches, exporter)
        panel.resize(1280, 800)
        panel.show()
        built = time.perf_counter()
        painted = await _Painted(panel).at
        if run >= 3:  # the first find a cold JVM and unread fonts
            made.append((built - clicked) * 1000)
            shown.append((painted - clicked) * 1000)
        await panel.close_panel()
        panel.deleteLater()
        await asyncio.sleep(0.05)
    await sessions.close_all()
    print(f"click to painted rows: {_spread(shown)}; of that, making the panel: {_spread(made)}")


def _spread(values: list[float]) -> str:
    return f"median {statistics.median(values):.0f} ms ({min(values):.0f} to {max(values):.0f})"


def _write(bootstrap: str) -> str:
    topic = f"click-to-rows-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(topic, 6, 1)]).values():
        future.result(20)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "compression.type": "lz4"})
    for n in range(60_000):
        producer.produce(topic, b'{"n":%d,"text":"%s"}' % (n, b"lorem ipsum " * 80), key=b"%d" % n)
        if n % 1000 == 0:
            producer.flush(20)
    producer.flush(20)
    return topic


def main() -> None:
    with contextlib.ExitStack() as stack:
        if sys.argv[1:]:
            bootstrap = sys.argv[1]
        else:
            prepare()
            bootstrap = stack.enter_context(Rig(listeners=("PLAINTEXT",))).bootstrap()
        topic = _write(bootstrap)
        application = QApplication([])
        application.setQuitOnLastWindowClosed(False)
        theme.apply(application)
        loop = qasync.QEventLoop(application)
        asyncio.set_event_loop(loop)
        loop.run_until_complete(_measure(bootstrap, topic))


if __name__ == "__main__":
    main()
