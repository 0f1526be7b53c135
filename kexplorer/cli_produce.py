"""Composition root of `kexplorer produce`: rows of a file into a topic, with the same services as the window's."""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from kexplorer.cli import FAILED, FOUND, add_connection, connection, run, say
from kexplorer.formats.routing import compile_route
from kexplorer.kafka import checks
from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import ProducerSettings
from kexplorer.model.producer_presets import PRESETS
from kexplorer.services.producing import Outcome, Production
from kexplorer.services.rows_in import CsvMapping, RowsFile, RowsFormat, check_all
from kexplorer.services.send_pace import Limits, Progress
from kexplorer.services.send_report import Answered, read_report
from kexplorer.store.daemon import in_daemon

_SHOW_EVERY = {True: 0.25, False: 1.0}  # seconds between lines of progress, on a terminal and elsewhere
_RATE = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>[kM]?)(?P<bytes>B?)(/s)?")
_UNITS = {"": 1, "k": 1000, "M": 1_000_000}
_DISK = 600.0  # seconds to read a report


def produce(arguments: Sequence[str]) -> int:
    """`kexplorer produce`; the answer is the exit code."""
    return run(_produce(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "kexplorer produce",
        description="Send the rows of a file to a topic. A row counts as sent once the brokers acknowledged it.",
        epilog="Exit code: 0 every row was acknowledged, 2 some were not; standard error and the report say which. "
        "Ctrl+C stops sending and waits for what is on its way; a second one ends at once.",
    )
    parser.add_argument("topic", metavar="TOPIC", help="it is never made by this")
    add_connection(parser)
    parser.add_argument(
        "--file", type=Path, metavar="PATH", required=True, help="the rows; a folder with --format folder"
    )
    parser.add_argument(
        "--format",
        choices=[str(each) for each in RowsFormat],
        default=str(RowsFormat.JSONL),
        help="lines of JSON as an export writes them, CSV with a line of titles, or a file a value; jsonl",
    )
    csv = parser.add_argument_group("of CSV")
    csv.add_argument("--key", metavar="COLUMN", default="", help="the key")
    csv.add_argument("--value", metavar="COLUMN", default="", help="the value; else an object of the other columns")
    csv.add_argument("--header", metavar="COLUMN", action="append", default=[], help="may be repeated")
    csv.add_argument("--delimiter", metavar="CHARACTER", default=",")
    parser.add_argument("--keep-partitions", action="store_true", help="of rows that name theirs")
    parser.add_argument("--now", action="store_true", help="new timestamps instead of the rows' own")
    parser.add_argument("--partition", metavar="EXPRESSION", help="such as 0, or value.customer %% 3; else by the key")
    parser.add_argument("--count", type=int, metavar="N", help="end after so many rows")
    parser.add_argument("--rate", metavar="N/s", help="such as 1000/s, or 5MB/s of keys and values")
    parser.add_argument("--seconds", type=float, metavar="N", help="end after so long")
    parser.add_argument(
        "--preset",
        choices=[p.name.lower() for p in PRESETS if not p.transactional],
        metavar="NAME",
        default="durable",
        help="durable, throughput, low latency, idempotent or production; durable",
    )
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="a setting of librdkafka")
    parser.add_argument("--report", type=Path, metavar="PATH", help="what became of each row, as lines of JSON")
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="PATH",
        help="send what this report does not tell of as acknowledged; goes on in it",
    )
    parser.add_argument("--check", action="store_true", help="first read all rows, and send none if one is wrong")
    parser.add_argument("--progress", action="store_true", help="say how it goes even if that is no terminal")
    return parser


async def _produce(options: argparse.Namespace) -> int:
    source, limits, settings = _source(options), _limits(options), _settings(options.preset, options.set)
    route = compile_route(options.partition) if options.partition else None
    answered = await _answered(options.resume, source.name)
    report = options.report or options.resume
    if options.report and not options.resume and options.report.exists():
        text = f"{options.report} is there already."
        raise Failure(FailureKind.REFUSED, text, f"Go on with it by --resume {options.report}, or choose another name.")
    if options.check:
        await _check(source)
    profile, credentials = await connection(options)
    cluster = KafkaCluster(profile, credentials)
    try:
        production = Production(cluster, source, settings, limits, route=route, report=report, answered=answered)
        outcome = await _run(production, talks=options.progress or sys.stderr.isatty())
    finally:
        await cluster.close()
    return _tell(outcome)


async def _run(production: Production, *, talks: bool) -> Outcome:
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        loop.remove_signal_handler(signal.SIGINT)  # the next one ends at once
        say("Stopping. Ctrl+C again does not wait for what was sent.")
        production.cancel()

    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGINT, interrupted)
    running = asyncio.create_task(production.run())
    while talks and not running.done():
        await asyncio.wait([running], timeout=_SHOW_EVERY[sys.stderr.isatty()])
        _show(production.progress())
    return await running


def _tell(outcome: Outcome) -> int:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    say("\n".join(outcome.lines()))
    for trouble in outcome.troubles[:20]:
        say(f"{trouble.place}: {trouble.failure}")
    if len(outcome.troubles) > 20:
        say(f"... and {len(outcome.troubles) - 20:,} more; --report tells of all.")
    return FOUND if outcome.complete else FAILED


def _show(p: Progress) -> None:
    failed = f", {p.failed:,} failed" if p.failed else ""
    text = (
        f"{p.acknowledged:,} acknowledged, {p.undelivered:,} on their way{failed}, {p.rate:,.0f}/s, p99 {p.p99:.1f} ms"
    )
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
    else:
        say(text)


def _source(options: argparse.Namespace) -> RowsFile:
    if len(options.delimiter) != 1:
        raise Failure(FailureKind.INVALID, f"“{options.delimiter}” is no delimiter.", "Give one character.")
    return RowsFile(
        options.file,
        RowsFormat(options.format),
        checks.topic_name(options.topic),
        options.keep_partitions,
        not options.now,
        CsvMapping(options.key, options.value, tuple(options.header), delimiter=options.delimiter),
    )


def _limits(options: argparse.Namespace) -> Limits:
    if options.rate is None:
        return Limits(options.count, seconds=options.seconds)
    found = _RATE.fullmatch(options.rate)
    rate = float(found["number"]) * _UNITS[found["unit"]] if found else 0.0
    if not found or rate <= 0:
        raise Failure(FailureKind.INVALID, f"“{options.rate}” is no rate.", "Write 1000/s, or 5MB/s.")
    if found["bytes"]:
        return Limits(options.count, None, rate, options.seconds)
    return Limits(options.count, rate, None, options.seconds)


def _settings(preset: str, given: Sequence[str]) -> ProducerSettings:
    properties = next(dict(p.producer_settings().properties) for p in PRESETS if p.name.lower() == preset)
    for each in given:
        name, sign, value = each.partition("=")
        if not sign:
            raise Failure(FailureKind.INVALID, f"“{each}” is no setting.", "Write NAME=VALUE, such as linger.ms=5.")
        properties[name] = value
    return ProducerSettings(properties)


async def _answered(path: Path | None, source: str) -> Answered | None:
    return await in_daemon("report", lambda: read_report(path, source), _DISK) if path else None


async def _check(source: RowsFile) -> None:
    found = await check_all(source)
    for trouble in found.troubles[:20]:
        say(f"{trouble.place}: {trouble.failure}")
    if found.bad:
        text = f"{found.bad:,} of {found.good + found.bad:,} rows are wrong. Nothing was sent."
        raise Failure(FailureKind.INVALID, text, "Correct them, or leave --check out to send the others.")
