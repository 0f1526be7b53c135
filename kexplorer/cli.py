"""Composition root of the terminal: `kexplorer search`. The same services as the window's, and no Qt."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor
from contextlib import AsyncExitStack
from datetime import UTC, tzinfo
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kexplorer.formats.expression import Call, Operation, parse
from kexplorer.formats.filters import compile_filter
from kexplorer.formats.jsonl import line_of
from kexplorer.kafka import checks, properties
from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.kafka.probe import probe
from kexplorer.kafka.scan import Scan
from kexplorer.kafka.scan_pool import ScanPool
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import RecordColumns
from kexplorer.model.search import FilterKind, FilterSpec, SearchQuery, Where
from kexplorer.model.topics import IsolationLevel
from kexplorer.registry.cache import WaitingSchemas
from kexplorer.services.browser import partitions_of
from kexplorer.services.connections import Connections
from kexplorer.services.ranges import parse_place, resolve
from kexplorer.services.schemas import open_schemas
from kexplorer.services.search import Progress, Search
from kexplorer.store.assignments import AssignmentStore
from kexplorer.store.daemon import in_daemon
from kexplorer.store.profiles import ProfileStore
from kexplorer.store.secrets import Secrets

FOUND, NOTHING, FAILED, PIPE_CLOSED = 0, 1, 2, 141  # exit codes; the last is what a shell says of SIGPIPE
_MOST_WORKERS = 4  # by default; more only help where the filter is what takes the time
_SHOW_EVERY = {True: 0.25, False: 1.0}  # seconds between lines of progress, on a terminal and elsewhere
_DAY = 86_400.0  # seconds
_WAKE = 0.25  # seconds in which a signal is seen
_PLACES = (
    "beginning, end, now, newest:1000, offset:123, 0:10,1:20 (offsets by partition), 2026-11-23T10:00:00+01:00, "
    "last:15m (s, m, h, d, w), group:NAME (what it has committed)"
)


def search(arguments: Sequence[str]) -> int:
    """`kexplorer search`; the answer is the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return asyncio.run(attentive(_search(options)))
    except Failure as failure:
        say(f"kexplorer: {failure}")
    except BrokenPipeError:
        return PIPE_CLOSED
    except KeyboardInterrupt:  # said what it has done
        pass
    return FAILED


def run(work: Coroutine[Any, Any, int]) -> int:
    """The exit code of a verb that says nothing of its own when it is interrupted."""
    try:
        return asyncio.run(attentive(work))
    except Failure as failure:
        say(f"kexplorer: {failure}")
    except KeyboardInterrupt:
        say("kexplorer: interrupted.")
    return FAILED


async def attentive(work: Coroutine[Any, Any, int]) -> int:
    """WORKAROUND: asyncio.run() sees a Ctrl+C that comes just before its loop begins to wait when it wakes up for
    something else, which may be never. https://github.com/python/cpython/issues/67246"""

    async def wake() -> None:
        while True:  # noqa: ASYNC110  (it waits for nothing)
            await asyncio.sleep(_WAKE)

    waking = asyncio.create_task(wake())
    try:
        return await work
    finally:
        waking.cancel()


def add_connection(parser: argparse.ArgumentParser, profile: str = "a connection of the window") -> None:
    """What `connection` is made of; `profile` is the help of that option."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--bootstrap", metavar="HOST:PORT", help="brokers without encryption and login, comma-separated")
    where.add_argument("--profile", metavar="NAME", help=profile)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "kexplorer search",
        description="Search a topic from one place to another. Matches go to standard output, one a line.",
        epilog="Exit code: 0 everything was scanned (or --limit was reached) and something was found, 1 nothing was "
        "found, 2 something failed or was not scanned; standard error says what.",
    )
    parser.add_argument("topic", metavar="TOPIC")
    add_connection(parser, "a connection of the window, with its schemas")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--filter",
        metavar="TEXT",
        help="an expression if it is one that compares or calls something, such as "
        "'value.status == \"FAILED\" and value.amount > 900'; any other text is looked for as it is. "
        "--text and --expression leave no doubt",
    )
    what.add_argument("--text", metavar="TEXT", help="these bytes, in UTF-8")
    what.add_argument("--regex", metavar="RE", help="a regular expression of RE2")
    what.add_argument(
        "--expression",
        metavar="EXPRESSION",
        help="a condition on fields of value, key and headers; those of Avro and Protobuf by the schemas of --profile",
    )
    parser.add_argument("--ignore-case", action="store_true", help="of --filter, --text and --regex")
    parser.add_argument(
        "--in", dest="where", choices=[str(each) for each in Where], help="where text and --regex look; anywhere"
    )
    parser.add_argument("--from", dest="start", metavar="PLACE", help=f"{_PLACES}; beginning")
    parser.add_argument("--to", dest="end", metavar="PLACE", help="the same; the end as it is at the start")
    parser.add_argument(
        "--zone", metavar="NAME", help="of times without one, such as UTC or Europe/Paris; this machine's"
    )
    parser.add_argument("--partition", type=int, action="append", metavar="N", help="only this one; may be repeated")
    parser.add_argument("--committed", action="store_true", help="only what committed transactions have written")
    parser.add_argument("--oldest-first", action="store_true")
    parser.add_argument("--limit", type=_positive, metavar="N", help="end after so many matches")
    parser.add_argument("--workers", type=_positive, metavar="N", help="processes; the cores, at most 4")
    parser.add_argument("--executor", metavar="dask://HOST:PORT", help="scan on a Dask cluster (extra `dask`)")
    parser.add_argument("--format", choices=["jsonl", "count"], default="jsonl", help="lines of JSON, or their number")
    parser.add_argument("--progress", action="store_true", help="say how it goes even if that is no terminal")
    return parser


async def _search(options: argparse.Namespace) -> int:
    spec, zone = _filter(options), _zone(options.zone)
    start = parse_place(options.start, zone) if options.start else None
    end = parse_place(options.end, zone) if options.end else None
    topic = checks.topic_name(options.topic)
    compile_filter(spec, topic=topic)  # what is wrong with it is said before anything is asked
    talks = options.progress or sys.stderr.isatty()
    async with AsyncExitStack() as stack:
        profile, credentials = await connection(options)
        schemas = await _schemas(options, profile, credentials) if spec.kind is FilterKind.EXPRESSION else None
        secret = bool(credentials.password or (schemas and credentials.registry_password))
        open_executor, workers = await _executor(options, stack, secret=secret)
        cluster = KafkaCluster(profile, credentials)
        stack.push_async_callback(cluster.close)
        sources = [
            s for s in await partitions_of(cluster, [topic]) if s.partition in (options.partition or [s.partition])
        ]
        if absent := set(options.partition or ()) - {source.partition for source in sources}:
            raise Failure(FailureKind.NOT_FOUND, f"{topic} has no partition {min(absent)}.")
        isolation = IsolationLevel.READ_COMMITTED if options.committed else IsolationLevel.READ_UNCOMMITTED
        now = time.time_ns() // 1_000_000
        resolved = await resolve(cluster, sources, start, end, isolation, now)
        query = SearchQuery(resolved.ranges, spec, now, isolation, not options.oldest_first, options.limit)
        scan = Scan(profile, credentials, spec, now, isolation, query.newest_first, schemas)
        found = Search(query, scan, open_executor, workers, known=resolved.troubles)
        stack.push_async_callback(found.close)
        try:
            await _print_matches(found, options.format, talks)
        except asyncio.CancelledError:  # Ctrl+C
            await found.close()
            _tell(found, talks)
            raise
        await found.close()
        return _tell(found, talks)


def _tell(found: Search, talks: bool) -> int:
    """Says what was scanned, if there is somebody to read it or something is missing. Returns the exit code."""
    report = found.report()
    whole = report.complete or report.enough
    if talks and sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    if talks or not whole:
        say("\n".join(report.lines()))
    if not whole:
        return FAILED
    return FOUND if report.progress.matches else NOTHING


async def _print_matches(found: Search, how: str, talks: bool) -> None:
    shown = time.monotonic()
    every = _SHOW_EVERY[sys.stderr.isatty()]
    while (batch := await found.next_batch()) is not None:
        if how == "jsonl" and len(batch.records):
            await in_daemon("stdout", partial(_write, batch.records), _DAY)
        if talks and time.monotonic() - shown > every:
            shown = time.monotonic()
            _show(found.progress())
    if how == "count":
        await in_daemon("stdout", partial(_put, f"{found.progress().matches}\n"), _DAY)


def _write(records: RecordColumns) -> None:
    _put("".join(f"{line_of(record)}\n" for record in records))


def _put(text: str) -> None:
    """Past the buffer of sys.stdout, whose lock would keep the program from ending while a pipe is full."""
    data = memoryview(text.encode())
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]


def _show(p: Progress) -> None:
    left = "" if p.left is None else f", {p.left:.0f} s left"
    text = f"{p.fraction:.1%} scanned, {p.records:,} records, {p.rate:,.0f}/s, {p.matches:,} found{left}"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
    else:
        say(text)


def say(text: str) -> None:
    """A topic's name or a broker's words may hold what a terminal would obey."""
    sys.stderr.write("".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text) + "\n")
    sys.stderr.flush()


def _filter(options: argparse.Namespace) -> FilterSpec:
    sensitive = not options.ignore_case
    where = Where(options.where or Where.ANYWHERE)
    if options.regex is not None:
        return FilterSpec(options.regex, FilterKind.REGEX, sensitive, where)
    text = next((t for t in (options.filter, options.text, options.expression) if t is not None), "")
    if options.expression is None and not (options.filter and _is_expression(text)):
        return FilterSpec(text, FilterKind.CONTAINS, sensitive, where)
    if options.where or options.ignore_case:
        raise Failure(
            FailureKind.INVALID,
            f"--in and --ignore-case mean nothing for an expression, which “{text}” is.",
            "Leave them out, or give a text by --text.",
        )
    return FilterSpec(text, FilterKind.EXPRESSION)


def _is_expression(text: str) -> bool:
    try:
        compile_filter(FilterSpec(text, FilterKind.EXPRESSION))
        return isinstance(parse(text), Operation | Call)
    except Failure:
        return False


def _zone(name: str | None) -> tzinfo | None:
    if name is None or name == "UTC":
        return UTC if name else None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = "Write UTC, or a name such as Europe/Paris."
        raise Failure(FailureKind.INVALID, f"There is no time zone “{name}”.", hint) from None


async def connection(options: argparse.Namespace) -> tuple[Profile, Credentials]:
    if options.bootstrap:
        return Profile("command line", options.bootstrap), Credentials()
    connections = Connections(
        ProfileStore(),
        Secrets(),
        connector=_connect,
        probe=probe,
        checks=checks,
        check_property=properties.check_property,
    )
    await connections.load()
    for profile in connections.profiles:
        if profile.name == options.profile:
            return profile, await connections.credentials(profile, _ask)
    known = ", ".join(profile.name for profile in connections.profiles) or "none"
    raise Failure(FailureKind.NOT_FOUND, f"There is no connection “{options.profile}”.", f"There are: {known}.")


async def _schemas(options: argparse.Namespace, profile: Profile, credentials: Credentials) -> WaitingSchemas:
    """Without a registry as well: Kafka's own records need none, and the report says which records do."""
    store = AssignmentStore(profile.name) if options.profile else None
    schemas = await open_schemas(profile, credentials.registry_password, store)
    for failure in schemas.failures:
        say(f"kexplorer: {failure}")
    return schemas.for_workers()


async def _connect(profile: Profile, credentials: Credentials) -> KafkaCluster:
    return KafkaCluster(profile, credentials)


async def _ask(what: str) -> str | None:
    if not sys.stdin.isatty():
        return None
    return await in_daemon("ask", lambda: getpass.getpass(f"{what}: "), _DAY)


async def _executor(
    options: argparse.Namespace, stack: AsyncExitStack, *, secret: bool
) -> tuple[Callable[[], Executor], int]:
    if options.executor is None:
        workers = options.workers or min(os.cpu_count() or 1, _MOST_WORKERS)
        pool = ScanPool(workers)  # they start while the cluster is asked for the ranges
        stack.callback(pool.shutdown, wait=False)
        return lambda: pool, workers
    scheme, _, address = options.executor.partition("://")
    if scheme != "dask" or not address:
        raise Failure(FailureKind.INVALID, f"“{options.executor}” is no executor.", "Write dask://host:port.")
    if secret:
        say("The password of the connection goes to the Dask cluster without encryption.")
    client = await in_daemon("dask", lambda: _dask(address), 30.0)
    stack.callback(client.close)
    return client.get_executor, options.workers or sum(client.nthreads().values())


def _dask(address: str) -> Any:
    """A client of a scheduler that has workers."""
    try:
        from distributed import Client  # noqa: PLC0415  (an extra; seconds to import)
    except ImportError:
        hint = "Install the extra: pip install 'kexplorer[dask]'."
        raise Failure(FailureKind.UNSUPPORTED, "Dask is not installed.", hint) from None
    try:
        client = Client(f"tcp://{address}", timeout=10, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        hint = "Check its address, and that it runs."
        raise Failure(FailureKind.UNREACHABLE, f"No Dask scheduler answers at {address}: {error}.", hint) from None
    if not client.nthreads():
        client.close()
        raise Failure(FailureKind.UNREACHABLE, f"The Dask cluster at {address} has no workers.", "Start some.")
    return client


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
