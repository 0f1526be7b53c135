"""Composition root of `kexplorer lag`: how far groups are behind, once or again and again, for people and machines."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack

from kexplorer.cli import FAILED, FOUND, PIPE_CLOSED, add_connection, attentive, connection, say
from kexplorer.kafka import checks
from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.metrics import serve
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.lag import GroupLag, Reading
from kexplorer.services.lag_watch import LagWatch, Sampled
from kexplorer.store.lag_history import LagHistory

_EVERY = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>ms|s|m|h)?")
_UNITS = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[^:\[\]]*):(?P<port>\d{1,5})")
_LOOPBACK = "127.0.0.1"
_SHORTEST = 0.1  # seconds between samples
_DEFAULT = 5.0


def lag(arguments: Sequence[str]) -> int:
    """`kexplorer lag`; the answer is the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return asyncio.run(attentive(_lag(options)))
    except Failure as failure:
        say(f"kexplorer: {failure}")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left would fail at exit, and say so
        return PIPE_CLOSED
    except KeyboardInterrupt:
        pass
    return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "kexplorer lag",
        description="Show how far consumer groups are behind. Without --every, --record and --prometheus: once.",
        epilog="Exit code: 0 all groups were told of, or it was interrupted; 2 some were not, as standard error says.",
    )
    add_connection(parser)
    parser.add_argument(
        "--group", action="append", metavar="NAME", help="only this one, with its partitions; may be repeated"
    )
    parser.add_argument("--every", metavar="TIME", help="again and again, such as 5s, 500ms or 1m; 5s")
    parser.add_argument("--once", action="store_true", help="end after one look even so")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each group and look")
    parser.add_argument(
        "--record", action="store_true", help="keep it in the history that the window shows; prints nothing else"
    )
    parser.add_argument(
        "--prometheus",
        metavar="[HOST]:PORT",
        help="serve metrics there, for Prometheus to fetch; prints nothing else. Without HOST to this machine alone",
    )
    return parser


async def _lag(options: argparse.Namespace) -> int:
    every = _every(options.every)
    address = _address(options.prometheus) if options.prometheus else None
    groups = [checks.group_id(name) for name in options.group] if options.group else None
    quiet = (options.record or options.prometheus) and not options.json
    goes_on = (options.every or options.record or options.prometheus) and not options.once
    async with AsyncExitStack() as stack:
        profile, credentials = await connection(options)
        cluster = KafkaCluster(profile, credentials)
        stack.push_async_callback(cluster.close)
        watch = LagWatch(cluster, LagHistory() if options.record else None, every)
        stack.push_async_callback(watch.close)
        told: asyncio.Queue[Sampled | None] = asyncio.Queue()
        if address:
            page = stack.enter_context(serve(*address))
            watch.subscribe(groups, page.show)
            say(f"Metrics are at http://{address[0]}:{page.port}/metrics.")
        _end_by_signal(told)
        watch.subscribe(groups, told.put_nowait)
        return await _print(told, options, quiet=quiet, goes_on=goes_on)


async def _print(
    told: asyncio.Queue[Sampled | None], options: argparse.Namespace, *, quiet: bool, goes_on: bool
) -> int:
    """Until somebody interrupts it, or after one look. What goes wrong is said when it begins, not each time."""
    said: set[str] = set()
    while (sampled := await told.get()) is not None:
        troubles = list(_troubles(sampled, recording=options.record))
        for trouble in troubles:
            if trouble not in said:
                say(f"kexplorer: {trouble}")
        said = set(troubles)
        if not quiet:
            print("\n".join(_json(sampled) if options.json else _table(sampled, options)), flush=True)  # noqa: T201
        if not goes_on:
            return FAILED if troubles else FOUND
    return FOUND


def _troubles(sampled: Sampled, *, recording: bool) -> Iterator[str]:
    if sampled.trouble:
        yield str(sampled.trouble)
    for group, failure in sampled.failed.items():
        yield f"{group}: {failure}"
    for group, lag_ in sampled.groups.items():
        for reading in lag_.readings:
            if reading.trouble:
                yield f"{group}, {reading.source.topic} {reading.source.partition}: {reading.trouble}"
    if sampled.unrecorded:
        yield str(sampled.unrecorded)
    elif recording and sampled.recorded < len(sampled.groups):
        others = len(sampled.groups) - sampled.recorded
        yield f"{others:,} groups are recorded by another process; this one goes on when that ends."


def _json(sampled: Sampled) -> Iterator[str]:
    for name, seen in sampled.groups.items():
        verdict = sampled.verdicts[name]
        found = {
            "at": round(seen.at, 3),
            "group": name,
            "state": str(seen.group.state),
            "members": len(seen.group.members),
            "lag": seen.lag,
            "verdict": str(verdict.state) if seen.lag is not None and verdict.judged else None,
            "reason": verdict.reason,
            "partitions": [_partition(reading) for reading in seen.readings],
        }
        yield json.dumps(found)


def _partition(reading: Reading) -> dict[str, object]:
    return {
        "topic": reading.source.topic,
        "partition": reading.source.partition,
        "committed": reading.committed,
        "start": reading.start,
        "end": reading.end,
        "lag": reading.lag,
        "lost": reading.lost,
        "client": reading.member.client if reading.member else None,
        "trouble": str(reading.trouble) if reading.trouble else None,
    }


def _table(sampled: Sampled, options: argparse.Namespace) -> Iterator[str]:
    if options.every:
        yield time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(sampled.at))
    rows = [("GROUP", "STATE", "MEMBERS", "LAG", "VERDICT", "")]
    for name, seen in sampled.groups.items():
        verdict = sampled.verdicts[name]
        judged = (str(verdict.state), verdict.reason) if seen.lag is not None and verdict.judged else ("-", "")
        rows.append((name, str(seen.group.state), str(len(seen.group.members)), _number(seen.lag), *judged))
    yield from _aligned(rows, right={2, 3})
    if options.group:
        yield ""
        titles = ("GROUP", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "CLIENT")
        yield from _aligned([titles, *_rows(sampled.groups)], right={2, 3, 4, 5})


def _rows(groups: Mapping[str, GroupLag]) -> list[tuple[str, ...]]:
    return [
        (
            name,
            reading.source.topic,
            str(reading.source.partition),
            *map(_number, (reading.committed, reading.end, reading.lag)),
            reading.member.client if reading.member else "-",
        )
        for name, seen in groups.items()
        for reading in seen.readings
    ]


def _aligned(rows: Sequence[tuple[str, ...]], right: set[int]) -> Iterator[str]:
    """Columns under each other. A name may hold what a terminal would obey."""
    plain = [[_plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*plain, strict=True)]
    for row in plain:
        cells = [c.rjust(w) if n in right else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True))]
        yield "  ".join(cells).rstrip()


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _every(text: str | None) -> float:
    if text is None:
        return _DEFAULT
    found = _EVERY.fullmatch(text)
    seconds = float(found["number"]) * _UNITS[found["unit"]] if found else 0.0
    if seconds < _SHORTEST:
        raise Failure(
            FailureKind.INVALID, f"“{text}” is no time between looks.", "Write 5s, 500ms or 1m; 100ms at least."
        )
    return seconds


def _address(text: str) -> tuple[str, int]:
    found = _ADDRESS.fullmatch(text)
    if not found or not 0 <= int(found["port"]) < 65_536:
        raise Failure(
            FailureKind.INVALID, f"“{text}” is no address to serve at.", "Write :9308, or 0.0.0.0:9308 for all to see."
        )
    return found["host"].strip("[]") or _LOOPBACK, int(found["port"])


def _end_by_signal(told: asyncio.Queue[Sampled | None]) -> None:
    """What is being recorded is written to its end; a second signal ends at once."""
    if sys.platform == "win32":
        return
    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        loop.remove_signal_handler(number)
        told.put_nowait(None)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
