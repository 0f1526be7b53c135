"""Plans of replays on disk, engines in processes of their own, and what the topics hold afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition

from kexplorer.model.replay import Guarantee, Place, Plan, ReplaySource, ReplayTarget
from kexplorer.store.plans import save_plan
from tests.kafka import direct
from tests.kafka.direct import Sent

Row = tuple[int, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...], int]


def plan_of(bootstrap: str, source: str, target: str, *, other: str = "", **changes: Any) -> Plan:
    """From one topic to another; `other` is the address of another cluster for the target."""
    wanted = Plan(
        f"job-{target}"[:150],
        ReplaySource(Place(bootstrap=bootstrap), (source,)),
        ReplayTarget(Place(bootstrap=other or bootstrap), {source: target}),
        guarantee=Guarantee.EXACTLY_ONCE,
    )
    return replace(wanted, **changes)


class Replaying:
    """A plan's file, and the processes that run it. `module` is the program."""

    def __init__(self, folder: Path, plan: Plan, module: str = "kexplorer.cli_replay") -> None:
        self.file = folder / "plan.toml"
        self.job = plan.job
        self._module = module
        self.plan = plan
        save_plan(self.file, plan)

    def change(self, **changes: Any) -> None:
        self.plan = replace(self.plan, **changes)
        save_plan(self.file, self.plan)

    def tell(self, command: dict[str, Any]) -> None:
        """As a window does: never half a file."""
        part = self.folder / "part"
        part.write_text(json.dumps(command))
        part.replace(self.folder / "command.json")

    def start(self, *options: str, crash_at: str = "") -> subprocess.Popen[str]:
        code = f"import sys; from {self._module} import replay; sys.exit(replay(sys.argv[1:]))"
        environment = {**os.environ, "KEXPLORER_CRASH_AT": crash_at}
        return subprocess.Popen(
            [sys.executable, "-c", code, str(self.file), "--yes", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def run(self, *options: str, crash_at: str = "") -> subprocess.CompletedProcess[str]:
        with self.start(*options, crash_at=crash_at) as process:
            out, err = process.communicate(timeout=100)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    @property
    def folder(self) -> Path:
        return self.file.with_suffix(".run")

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return found


@dataclass
class Copying:
    """A topic, the one that it is replayed to, be it in an `other` cluster, and a folder for plans."""

    bootstrap: str
    source: str
    folder: Path
    other: str = ""

    @property
    def target(self) -> str:
        return f"{self.source}-to"

    def fill(
        self, records: Sequence[Sent], partitions: int = 3, target_partitions: int | None = None, **config: Any
    ) -> None:
        """Makes both; `config` is the target's."""
        direct.create(self.bootstrap, self.source, partitions)
        direct.create(self.other or self.bootstrap, self.target, target_partitions or partitions, **config)
        direct.produce(self.bootstrap, self.source, records)

    def replaying(
        self, module: str = "kexplorer.cli_replay", target_settings: Mapping[str, str] | None = None, **changes: Any
    ) -> Replaying:
        plan = plan_of(self.bootstrap, self.source, self.target, other=self.other, **changes)
        if target_settings:
            plan = replace(plan, target=replace(plan.target, settings=target_settings))
        return Replaying(self.folder, plan, module)

    @property
    def is_equal(self) -> bool:
        """Each partition has the same records in the same order."""
        return contents(self.other or self.bootstrap, self.target) == contents(self.bootstrap, self.source)


def crashed(replaying: Replaying, *points: str) -> None:
    """Kills the engine at each of the points, and then lets it run to its end."""
    for point in points:
        killed = replaying.run(crash_at=point)
        assert killed.returncode == -9, f"it did not come to {point}: {killed.stderr}"
    done = replaying.run()
    assert done.returncode == 0, done.stderr


def told(process: subprocess.Popen[str], holds: Callable[[dict[str, Any]], bool]) -> None:
    """Waits until the engine tells of a progress for which it `holds`."""
    assert process.stdout is not None
    for line in process.stdout:
        if holds(json.loads(line)):
            return
    raise AssertionError(f"it ended before: {process.communicate()[1]}")


def rows_in(bootstrap: str, topic: str) -> dict[int, list[Row]]:
    """By partition, in order: offset, key, value, headers, timestamp of committed records."""
    found: dict[int, list[Row]] = {}
    for message in committed(bootstrap, topic):
        headers = tuple((name, None if value is None else bytes(value)) for name, value in message.headers() or ())
        row = (message.offset(), message.key(), message.value(), headers, message.timestamp()[1])
        found.setdefault(message.partition(), []).append(row)
    return found


def contents(bootstrap: str, topic: str) -> dict[int, list[tuple[Any, ...]]]:
    """As `rows_in`, without offsets, which are not kept."""
    return {partition: [row[1:] for row in rows] for partition, rows in rows_in(bootstrap, topic).items()}


def progress_of(bootstrap: str, group: str) -> dict[int, int]:
    """The offsets of a group by partition, of all of its topics."""
    client = direct.admin(bootstrap)  # dropped while a call is open, it would leave that unanswered
    asked = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
    return {each.partition: each.offset for each in asked.result(20).topic_partitions}


def committed(bootstrap: str, topic: str) -> Iterator[Any]:
    config = {
        "bootstrap.servers": bootstrap,
        "group.id": f"look-{os.urandom(6).hex()}",
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
        "enable.auto.commit": False,
    }
    reader = Consumer(config, logger=direct.QUIET)
    try:
        partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
        ends = {p: reader.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in partitions}
        reader.assign([TopicPartition(topic, p, 0) for p in partitions])
        open_ones = {p for p, end in ends.items() if end > 0}
        while open_ones:
            for message in reader.consume(500, 1.0):
                if message.error() is None:
                    yield message
                elif message.partition() in open_ones and (message.offset() or 0) >= ends[message.partition()]:
                    open_ones.discard(message.partition() or 0)
    finally:
        reader.close()
