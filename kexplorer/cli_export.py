"""Composition root of `kexplorer export`: a topic as lines of JSON, from which `kexplorer restore` makes it again."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from kexplorer.cli import FAILED, FOUND, add_connection, connection, run, say
from kexplorer.kafka import checks
from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.topics import IsolationLevel
from kexplorer.services.browser import partitions_of
from kexplorer.services.export import Format, Target, export_range
from kexplorer.services.jobs import Jobs
from kexplorer.services.ranges import parse_place, resolve


def export(arguments: Sequence[str]) -> int:
    """`kexplorer export`; the answer is the exit code."""
    return run(_export(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "kexplorer export",
        description="Write a topic to a file: what committed transactions have written, each partition in its order.",
        epilog="The file gets its name when it is whole. Exit code: 0 it is, 2 it is not; standard error says why.",
    )
    parser.add_argument("topic", metavar="TOPIC")
    add_connection(parser)
    parser.add_argument("--file", type=Path, metavar="PATH", required=True, help="lines of JSON, a record each")
    parser.add_argument("--from", dest="start", metavar="PLACE", default="beginning", help="as kexplorer search has it")
    parser.add_argument("--to", dest="end", metavar="PLACE", default="end", help="the same; the end as it is now")
    parser.add_argument("--replace", action="store_true", help="a file that is there already")
    return parser


async def _export(options: argparse.Namespace) -> int:
    topic, committed = checks.topic_name(options.topic), IsolationLevel.READ_COMMITTED
    start, end = parse_place(options.start), parse_place(options.end)
    cluster = KafkaCluster(*await connection(options))
    try:
        sources = await partitions_of(cluster, [topic])
        found = await resolve(cluster, sources, start, end, committed, time.time_ns() // 1_000_000)
        target = Target(options.file, Format.JSONL, options.replace)
        report = await export_range(cluster, found.ranges, committed, target, Jobs(), found.troubles)
    finally:
        await cluster.close()
    say("\n".join(report.lines()))
    return FOUND if report.complete else FAILED
