"""Panels of messages as the window has them, offscreen: what the measurements of the window share."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import qasync
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.kafka.scan import Scan
from kexplorer.kafka.scan_pool import ScanPool
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import Trouble
from kexplorer.model.search import SavedSearch, SearchQuery
from kexplorer.services.jobs import Jobs
from kexplorer.services.search import Search
from kexplorer.services.searches import Searches
from kexplorer.services.sessions import Sessions
from kexplorer.store.filters import FilterStore
from kexplorer.store.scans import ScanStore
from kexplorer.ui import theme
from kexplorer.ui.garbage import GarbageCollector
from kexplorer.ui.panels.exporter import Exporter
from kexplorer.ui.panels.messages import MessagesPanel
from kexplorer.ui.tasks import Tasks
from tests.services.memory_audit import MemoryAudit

WORKERS = 2
Make = Callable[[str], MessagesPanel]


def run(measure: Coroutine[None, None, None]) -> None:
    """In a loop on the GUI thread, as the program has it."""
    application = QApplication([])
    application.setQuitOnLastWindowClosed(False)
    theme.apply(application)
    GarbageCollector(application)
    loop = qasync.QEventLoop(application)
    asyncio.set_event_loop(loop)
    loop.run_until_complete(measure)
    gc.freeze()  # at exit Python would collect what Qt has destroyed, and crash; the program leaves by os._exit


@contextlib.asynccontextmanager
async def opened(bootstrap: str) -> AsyncIterator[Make]:
    """Makes panels of topics on a connection that is open."""
    profile = Profile("benchmark", bootstrap)

    async def connect(_: str) -> KafkaCluster:
        return KafkaCluster(profile, Credentials())

    async def search(query: SearchQuery, known: Sequence[Trouble], saved: SavedSearch | None) -> Search:
        scan = Scan(profile, Credentials(), query.filter, query.asked_at, query.isolation)
        return Search(query, scan, lambda: ScanPool(WORKERS), WORKERS, known=known, saved=saved)

    sessions = Sessions(connect, MemoryAudit())
    with tempfile.TemporaryDirectory() as home:
        kept = ScanStore(Path(home, "searches.db")), FilterStore(Path(home, "filters.json"))
        searches = Searches("benchmark", *kept, search)
        exporter = Exporter(Jobs(), Tasks(print))
        await (await sessions.open("benchmark")).catalog.refresh()

        def make(topic: str) -> MessagesPanel:
            panel = MessagesPanel(profile, [topic], lambda: sessions.open("benchmark"), searches, exporter)
            panel.resize(1280, 800)
            panel.show()
            return panel

        yield make
        await sessions.close_all()


async def painted(panel: MessagesPanel, ready: Callable[[], bool]) -> None:
    """Returns when the table was painted while `ready()` held."""
    watching = _Painted(panel, ready)
    async with asyncio.timeout(60):
        await watching.done.wait()
    watching.deleteLater()


async def filled(panel: MessagesPanel) -> None:
    """Returns when the table was painted with rows in it."""
    await painted(panel, lambda: panel.rows > 0)


class _Painted(QObject):
    def __init__(self, panel: MessagesPanel, ready: Callable[[], bool]) -> None:
        super().__init__(panel)
        self._ready = ready
        self.done = asyncio.Event()
        panel.view.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and self._ready():
            asyncio.get_running_loop().call_soon(self.done.set)  # behind the paint
        return super().eventFilter(watched, event)
