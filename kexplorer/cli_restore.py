"""Composition root of `kexplorer restore`: a file that `kexplorer export` wrote becomes a topic's records again."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kexplorer.cli import FAILED, FOUND, add_connection, connection, say
from kexplorer.cli_replay import make_checkpoints
from kexplorer.kafka import checks
from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.kafka.replay_file import Restoring
from kexplorer.kafka.replaying import Side
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import refuse_writing
from kexplorer.model.replay import CHECKPOINTS

_SHOW_EVERY = {True: 0.25, False: 1.0}  # seconds between lines of progress, on a terminal and elsewhere


def restore(arguments: Sequence[str]) -> int:
    """`kexplorer restore`; the answer is the exit code."""
    options = _parser().parse_args(arguments)
    try:
        topic = checks.topic_name(options.topic)
        side = Side(*asyncio.run(connection(options)))
        max_bytes = asyncio.run(_ready(side, topic))
        job = checks.topic_name(options.job or f"{topic}.{options.file.name}")
        lines, before = Restoring(options.file, topic, side, job, max_bytes).run(_Shown(options.progress).tell)
    except Failure as failure:
        say(f"kexplorer: {failure}")
    except KeyboardInterrupt:
        say("kexplorer: interrupted; started again, it goes on behind what is in the topic.")
    else:
        earlier = f", {before:,} of them by an earlier run" if before else ""
        say(f"{lines:,} records are in {topic}{earlier}.")
        return FOUND
    return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "kexplorer restore",
        description="Write the records of a file to a topic, each exactly once (for readers of committed records), in "
        "the partition and with the timestamp that its line names. A run that was ended goes on where it was.",
        epilog="Exit code: 0 all of it is in the topic, 2 it is not; standard error says why.",
    )
    parser.add_argument("topic", metavar="TOPIC", help="it is never made by this")
    add_connection(parser)
    parser.add_argument("--file", type=Path, metavar="PATH", required=True, help="as kexplorer export writes it")
    parser.add_argument("--job", metavar="NAME", help="to restore a file once more; by topic and file")
    parser.add_argument("--progress", action="store_true", help="say how it goes even if that is no terminal")
    return parser


async def _ready(side: Side, topic: str) -> int | None:
    """Its max.message.bytes, if that is told. The progress is kept in a topic, which is made if it is not there."""
    refuse_writing(side.profile)
    cluster = KafkaCluster(side.profile, side.credentials)
    try:
        if not (await cluster.topic(topic)).topics:
            raise Failure(FailureKind.NOT_FOUND, f"There is no topic {topic}.", "Make it first; this makes none.")
        if not (await cluster.topic(CHECKPOINTS)).topics:
            await make_checkpoints(cluster)
        config = (await cluster.topic_configs([topic]))[topic]
    finally:
        await cluster.close()
    entry = None if isinstance(config, Failure) else config.get("max.message.bytes")
    return int(entry.value) if entry and entry.value else None


class _Shown:
    def __init__(self, wanted: bool) -> None:
        self._every = _SHOW_EVERY[sys.stderr.isatty()]
        self._talks = wanted or sys.stderr.isatty()
        self._last = time.monotonic()

    def tell(self, lines: int, nbytes: int) -> None:
        if self._talks and time.monotonic() - self._last > self._every:
            self._last = time.monotonic()
            say(f"{lines:,} records, {nbytes:,} bytes of the file")
