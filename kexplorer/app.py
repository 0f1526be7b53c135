"""Composition root of the window: QApplication, event loop, services, and a coroutine that lives as long."""

from __future__ import annotations

import asyncio
import faulthandler
import importlib
import json
import logging
import multiprocessing
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
from kexplorer.clusters import Openers
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
    from kexplorer.model.trial_consumer import Trial, TrialConsumer
    from kexplorer.services.latest import Gathering, LatestQuery
    from kexplorer.services.replay_permissions import Permission
    from kexplorer.services.statistics import Counting

_DEMO_START = 20.0  # seconds
_SCANNERS = min(os.cpu_count() or 1, 4)  # processes of a search
_CLIENT = 30.0  # seconds to import the client library from a slow disk
_PERMISSIONS = 60.0  # seconds to ask for those of one login


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
        explorer = Explorer(application, connections, Home(home), _start_demo, OPENERS, _versions)
        await stack.enter_async_context(explorer)
        stack.enter_context(signals_end(explorer))
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
def signals_end(explorer: Explorer) -> Iterator[None]:
    """Ctrl-C in the terminal and a polite `kill` end the program as its window's cross does, but nobody is asked: the
    layout is saved. Python hears of a signal when it next runs, at the latest with the timer of `GarbageCollector`."""
    names = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(name, lambda *_: explorer.ended.set()) for name in names]
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
    if "forkserver" in multiprocessing.get_all_start_methods():  # the first search finds it running
        importlib.import_module("multiprocessing.forkserver").ensure_running()


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


async def _open_gathering(
    profile: Profile,
    credentials: Credentials,
    query: LatestQuery,
    known: Sequence[Trouble],
    schemas: SchemaSource | None,
) -> Gathering:
    await in_daemon("import", _import_client, _CLIENT)
    from kexplorer.kafka.latest_scan import LatestScan  # noqa: PLC0415
    from kexplorer.kafka.scan_pool import ScanPool  # noqa: PLC0415
    from kexplorer.services.latest import Gathering  # noqa: PLC0415
    from kexplorer.services.latest_folding import FoldBucket  # noqa: PLC0415
    from kexplorer.store.latest import make_table  # noqa: PLC0415

    table = await in_daemon("latest", make_table, _CLIENT)
    every = query.fold is not None
    scan = LatestScan(profile, credentials, table.file, query.buckets, query.key, every, schemas, query.isolation)
    fold = FoldBucket(table.file, query.fold, schemas)
    return Gathering(query, table, scan, fold, lambda: ScanPool(_SCANNERS), _SCANNERS, known=known)


async def _join(profile: Profile, credentials: Credentials, trial: Trial) -> TrialConsumer:
    await in_daemon("import", _import_client, _CLIENT)
    from kexplorer.kafka.trial_consumer import join  # noqa: PLC0415

    return join(profile, credentials, trial)


async def _lacking(profile: Profile, credentials: Credentials, wanted: Sequence[Permission]) -> Sequence[Permission]:
    await in_daemon("import", _import_client, _CLIENT)
    from kexplorer.kafka.replay_permissions import lacking  # noqa: PLC0415
    from kexplorer.kafka.replaying import Side  # noqa: PLC0415

    try:
        return await in_daemon("permissions", lambda: lacking(Side(profile, credentials), wanted), _PERMISSIONS)
    except TimeoutError:
        text = f"The brokers of {profile.name} do not tell its permissions."
        raise Failure(FailureKind.TIMEOUT, text, "Try it again.") from None


OPENERS = Openers(_open_search, _open_counting, _open_gathering, _join, _lacking)
