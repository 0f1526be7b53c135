"""Composition root of the window: QApplication, event loop, services, and a coroutine that lives as long."""

from __future__ import annotations

import asyncio
import faulthandler
import importlib
import json
import logging
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import PySide6
import qasync
from PySide6.QtWidgets import QApplication

from kexplorer import __version__
from kexplorer.explorer import Explorer
from kexplorer.kafka import checks, properties
from kexplorer.model.cluster import Cluster, ProbeStep
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import Trouble
from kexplorer.model.search import SavedSearch, SearchQuery
from kexplorer.model.topics import OffsetRange
from kexplorer.services.connections import Connections
from kexplorer.services.search import Search
from kexplorer.store.daemon import in_daemon
from kexplorer.store.home import Home
from kexplorer.store.profiles import ProfileStore
from kexplorer.store.scans import ScanStore
from kexplorer.store.secrets import Secrets
from kexplorer.ui.garbage import GarbageCollector
from kexplorer.ui.icons import application_icon

if TYPE_CHECKING:
    from kexplorer.demo.process import DemoProcess
    from kexplorer.formats.schemas import SchemaSource
    from kexplorer.services.statistics import Counting
    from kexplorer.ui.main_window import MainWindow

_DEMO_START = 20.0  # seconds
_SCANNERS = min(os.cpu_count() or 1, 4)  # processes of a search
_CLIENT = 30.0  # seconds to import the client library from a slow disk


@dataclass(frozen=True, slots=True)
class Options:
    demo: bool = False
    tour: Path | None = None
    selftest: bool = False


def run(options: Options) -> int:
    """Shows the window until it is closed. Returns only in a failed start; else it ends the process, because a thread
    that waits for a frozen broker must not keep it."""
    faulthandler.enable()
    logging.getLogger().setLevel(logging.INFO)
    application = QApplication(["kexplorer"])
    application.setApplicationName("kexplorer")
    application.setApplicationDisplayName("Kafka Explorer")
    application.setDesktopFileName("kexplorer")
    application.setWindowIcon(application_icon())
    application.setQuitOnLastWindowClosed(False)
    GarbageCollector(application)
    loop = qasync.QEventLoop(application)
    asyncio.set_event_loop(loop)
    code = loop.run_until_complete(_main(application, options))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


async def _main(application: QApplication, options: Options) -> int:
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory())) if options.tour else None
        connections = Connections(
            ProfileStore(home and home / "clusters.toml"),
            Secrets(),
            connector=_connect,
            probe=_probe,
            checks=checks,
            check_property=properties.check_property,
        )
        explorer = Explorer(application, connections, Home(home), _start_demo, _open_search, _open_counting, _versions)
        await stack.enter_async_context(explorer)
        stack.enter_context(signals_close(explorer.window))
        if options.selftest:
            await asyncio.sleep(0)  # the window is painted
            print(json.dumps({"ready_ms": _milliseconds_since_start(), **_versions()}, indent=1))  # noqa: T201
            return 0
        if options.tour:
            from kexplorer import tour  # noqa: PLC0415

            await tour.Tour(explorer, options.tour).take()
            return 0
        if options.demo:
            explorer.open_demo()
        await explorer.until_closed()
    return 0


@contextmanager
def signals_close(window: MainWindow) -> Iterator[None]:
    """Ctrl-C in the terminal and a polite `kill` end the program as its window's cross does: the layout is saved.
    Python gets to hear of a signal when it next runs, at the latest with the timer of `GarbageCollector`."""
    names = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(name, lambda *_: window.closed.set()) for name in names]
    try:
        yield
    finally:
        for name, handler in zip(names, before, strict=True):
            signal.signal(name, handler)


def _versions() -> dict[str, str]:
    from importlib import metadata  # noqa: PLC0415  (20 ms)

    return {
        "Kafka Explorer": __version__,
        "Python": platform.python_version(),
        "Qt, PySide6": PySide6.__version__,
        "confluent-kafka": metadata.version("confluent-kafka"),
        "System": f"{platform.system()} {platform.release()} ({platform.machine()})",
    }


def _milliseconds_since_start() -> int:
    """Since the process began, as the system counts; 0 where it does not tell."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0
    return round((time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")) * 1000)


# The client library takes 70 ms to import: not before the window is there, and not on its thread.


async def _connect(profile: Profile, credentials: Credentials) -> Cluster:
    await in_daemon("import", _import_client, _CLIENT)
    from kexplorer.kafka.cluster import KafkaCluster  # noqa: PLC0415

    return KafkaCluster(profile, credentials)


async def _probe(profile: Profile, credentials: Credentials, on_step: Callable[[ProbeStep], None]) -> None:
    await in_daemon("import", _import_client, _CLIENT)
    from kexplorer.kafka.probe import probe  # noqa: PLC0415

    await probe(profile, credentials, on_step)


def _import_client() -> None:
    properties.require_supported_client()
    importlib.import_module("kexplorer.kafka.cluster")
    importlib.import_module("kexplorer.kafka.probe")
    importlib.import_module("kexplorer.kafka.scan_pool")
    importlib.import_module("kexplorer.services.schemas")
    importlib.import_module("kexplorer.ui.panels.messages")
    importlib.import_module("kexplorer.ui.widgets.query_bar")
    importlib.import_module("kexplorer.ui.widgets.inspector")  # for the first record that is selected


async def _open_search(
    profile: Profile,
    credentials: Credentials,
    query: SearchQuery,
    known: Sequence[Trouble],
    store: ScanStore | None = None,
    saved: SavedSearch | None = None,
    schemas: SchemaSource | None = None,
) -> Search:
    await in_daemon("import", _import_client, _CLIENT)
    from kexplorer.kafka.scan import Scan  # noqa: PLC0415
    from kexplorer.kafka.scan_pool import ScanPool  # noqa: PLC0415

    scan = Scan(profile, credentials, query.filter, query.asked_at, query.isolation, query.newest_first, schemas)
    return Search(query, scan, lambda: ScanPool(_SCANNERS), _SCANNERS, known=known, store=store, saved=saved)


async def _open_counting(
    profile: Profile,
    credentials: Credentials,
    ranges: Sequence[OffsetRange],
    known: Sequence[Trouble],
    sample: int | None,
) -> Counting:
    await in_daemon("import", _import_client, _CLIENT)
    from kexplorer.kafka.scan_pool import ScanPool  # noqa: PLC0415
    from kexplorer.kafka.statistics_scan import StatisticsScan  # noqa: PLC0415
    from kexplorer.services.statistics import Counting  # noqa: PLC0415

    scan = StatisticsScan(profile, credentials)
    return Counting(ranges, scan, lambda: ScanPool(_SCANNERS), _SCANNERS, sample=sample, known=known)


async def _start_demo() -> DemoProcess:
    return await in_daemon("demo", _demo_process, _DEMO_START)


def _demo_process() -> DemoProcess:
    from kexplorer.demo.broker import EmbeddedBrokerError  # noqa: PLC0415
    from kexplorer.demo.process import DemoProcess  # noqa: PLC0415

    demo = DemoProcess()
    try:
        demo.start()
    except EmbeddedBrokerError as error:
        raise Failure(FailureKind.UNSUPPORTED, str(error)) from error
    return demo
