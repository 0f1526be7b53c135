"""A topic out to a file and back into another: byte for byte, each record once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kafka import direct
from tests.kafka.direct import Sent
from tests.kafka.replays import contents
from tests.kafka.test_replay import ODD
from tests.rig.brokers import Broker

pytestmark = pytest.mark.kafka


def _run(verb: str, *arguments: object, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    code = f"import sys; from kexplorer.cli_{verb} import {verb}; sys.exit({verb}(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "KEXPLORER_CRASH_AT": crash_at}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


def _lines(path: Path) -> list[bytes]:
    """By partition and offset, without the topic's name."""
    found = []
    for line in path.read_bytes().splitlines():
        read = json.loads(line)
        found.append((read["partition"], read["offset"], line.replace(read["topic"].encode(), b"", 1)))
    return [line for _, _, line in sorted(found)]


def _round_trip(broker: Broker, topic: str, folder: Path, records: list[Sent], *crashes: str) -> None:
    direct.create(broker.bootstrap, topic, 3)
    direct.create(broker.bootstrap, f"{topic}-to", 3)
    direct.produce(broker.bootstrap, topic, records)
    at = ("--bootstrap", broker.bootstrap, "--file")
    out = _run("export", topic, *at, folder / "one.jsonl")
    assert out.returncode == 0, out.stderr
    for point in crashes:
        killed = _run("restore", f"{topic}-to", *at, folder / "one.jsonl", crash_at=point)
        assert killed.returncode == -9, f"it did not come to {point}: {killed.stderr}"
    into = _run("restore", f"{topic}-to", *at, folder / "one.jsonl")
    assert into.returncode == 0, into.stderr
    assert f"{len(records):,} records are in {topic}-to" in into.stderr
    assert _run("export", f"{topic}-to", *at, folder / "two.jsonl").returncode == 0


@pytest.mark.slow
def test_what_is_restored_is_what_was_exported(broker: Broker, topic_name: str, tmp_path: Path) -> None:
    _round_trip(broker, topic_name, tmp_path, [*ODD, *direct.rows(200, 3)])
    assert contents(broker.bootstrap, f"{topic_name}-to") == contents(broker.bootstrap, topic_name)
    assert _lines(tmp_path / "two.jsonl") == _lines(tmp_path / "one.jsonl")
    again = _run("restore", f"{topic_name}-to", "--bootstrap", broker.bootstrap, "--file", tmp_path / "one.jsonl")
    assert again.returncode == 0, again.stderr
    assert "207 of them by an earlier run" in again.stderr
    assert contents(broker.bootstrap, f"{topic_name}-to") == contents(broker.bootstrap, topic_name)


@pytest.mark.slow
def test_killed_on_its_way_a_large_file_is_restored_once(broker: Broker, topic_name: str, tmp_path: Path) -> None:
    """100,000 records."""
    records = [*ODD, *direct.rows(100_000 - len(ODD), 3, 60)]
    crashes = ("mid-produce:2", "during-commit:2", "after-commit:1", "after-send-offsets:1")
    _round_trip(broker, topic_name, tmp_path, records, *crashes)
    one, two = _lines(tmp_path / "one.jsonl"), _lines(tmp_path / "two.jsonl")
    assert len(one) == 100_000
    values = [(json.loads(line)["partition"], {**json.loads(line), "offset": 0}) for line in two]
    assert values == [(json.loads(line)["partition"], {**json.loads(line), "offset": 0}) for line in one]


def test_a_line_that_is_no_record_is_named(broker: Broker, topic_name: str, tmp_path: Path) -> None:
    direct.create(broker.bootstrap, topic_name)
    path = tmp_path / "wrong.jsonl"
    path.write_text('{"topic": "t", "partition": 0}\n')
    done = _run("restore", topic_name, "--bootstrap", broker.bootstrap, "--file", path)
    assert done.returncode == 2
    assert "line 1" in done.stderr
    assert contents(broker.bootstrap, topic_name) == {}
