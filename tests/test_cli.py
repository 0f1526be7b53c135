"""`kexplorer search` as a person and a script run it: a process of its own, its output, its exit code."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kexplorer import cli
from kexplorer.__main__ import main
from kexplorer.formats.jsonl import line_of
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile, SecretRef, SecurityProtocol
from kexplorer.model.records import Record, TimestampType
from kexplorer.model.search import FilterKind, FilterSpec, Where
from kexplorer.model.topics import TopicPartition
from kexplorer.store.profiles import ProfileStore
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig import processes
from tests.rig.brokers import Broker


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "kexplorer", "search", *arguments]


def _run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(*arguments), capture_output=True, text=True, timeout=60, check=False, **options)


def _lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def orders(broker: Broker, topic_name: str) -> Sequence[str]:
    """100 orders in 2 partitions, a second apart; arguments that name the topic."""
    direct.create(broker.bootstrap, topic_name, 2)
    states = ("NEW", "PAID", "FAILED", "SENT")
    direct.produce(
        broker.bootstrap,
        topic_name,
        [
            Sent(
                n % 2, b"k%d" % n, b'{"n":%d,"status":"%s"}' % (n, states[n % 4].encode()), (), NOW - 100_000 + 1000 * n
            )
            for n in range(100)
        ],
    )
    return (topic_name, "--bootstrap", broker.bootstrap, "--workers", "1")


def test_matches_are_lines_with_everything(broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    headers = (("a", b"1"), ("a", None), ("b", b"\xff"), ("é", b""))
    direct.produce(
        broker.bootstrap,
        topic_name,
        [
            Sent(0, b"\xfe", '{"ü":"\u202e\u2028\x1b[31m"}'.encode(), headers, NOW),
            Sent(0, None, None),
            Sent(0, b"", b""),
        ],
    )
    done = _run(topic_name, "--bootstrap", broker.bootstrap, "--oldest-first")
    assert (done.returncode, done.stderr) == (0, "")
    assert _lines(done.stdout) == [
        {
            "topic": topic_name,
            "partition": 0,
            "offset": 0,
            "timestamp": NOW,
            "timestamp_type": "CreateTime",
            "key": {"base64": "/g=="},
            "value": '{"ü":"\u202e\u2028\x1b[31m"}',
            "headers": [["a", "1"], ["a", None], ["b", {"base64": "/w=="}], ["é", ""]],
        },
        *(
            {
                **common,
                "topic": topic_name,
                "partition": 0,
                "timestamp": NOW,
                "timestamp_type": "CreateTime",
                "headers": [],
            }
            for common in ({"offset": 1, "key": None, "value": None}, {"offset": 2, "key": "", "value": ""})
        ),
    ]
    assert "ü" in done.stdout
    assert all(line.isprintable() for line in done.stdout.split("\n"))


def test_headers_that_cannot_be_read_are_null() -> None:
    record = Record(TopicPartition("t", 1), 2, None, TimestampType.NOT_AVAILABLE, b"k", b"v", None)
    line = json.loads(line_of(record))
    assert (line["headers"], line["timestamp"], line["timestamp_type"]) == (None, None, None)


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        (("--filter", "FAILED", "--limit", "3"), [98, 94, 90]),
        (("--filter", 'value.status == "FAILED" and value.n > 80'), [98, 94, 90, 86, 82]),
        (("--expression", "value.n in [3, 5]"), [5, 3]),
        (("--text", "value.n == 5"), []),
        (("--regex", r'"n":9[5-9],'), [99, 98, 97, 96, 95]),
        (("--text", "K7", "--in", "key", "--ignore-case"), [79, 78, 77, 76, 75, 74, 73, 72, 71, 70, 7]),
        (("--from", "newest:2"), [99, 98, 97, 96]),
        (("--from", "offset:3", "--to", "offset:5"), [9, 8, 7, 6]),
        (("--from", "0:48", "--to", "end"), [98, 96]),
        (("--from", "last:5s", "--partition", "1", "--to", "1:49"), None),
        (("--partition", "0", "--to", "offset:2"), [2, 0]),
    ],
)
def test_what_is_asked_for_is_found(orders: Sequence[str], arguments: Sequence[str], numbers: list[int] | None) -> None:
    done = _run(*orders, *arguments)
    assert done.stderr == ""
    found = [json.loads(line["value"])["n"] for line in _lines(done.stdout)]
    if numbers is not None:
        assert sorted(found, reverse=True) == numbers if "--limit" not in arguments else len(found) == len(numbers)
    assert done.returncode == (cli.FOUND if found else cli.NOTHING)


def test_a_count_and_its_coverage(orders: Sequence[str]) -> None:
    done = _run(*orders, "--filter", "FAILED", "--format", "count", "--progress")
    assert (done.returncode, done.stdout) == (0, "25\n")
    assert re.search(r"^25 matches in 100 records, .*: everything was scanned\.$", done.stderr, re.MULTILINE)


def test_no_qt_and_no_trace(orders: Sequence[str], broker: Broker, tmp_path: Path) -> None:
    known = direct.groups_of(broker.bootstrap)
    script = (
        "import sys; from kexplorer.__main__ import main; code = main(sys.argv[1:]);"
        "assert not [m for m in sys.modules if m.startswith('PySide6')]; sys.exit(code)"
    )
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    del environment["QT_QPA_PLATFORM"]
    environment.pop("DISPLAY", None)
    command = [sys.executable, "-c", script, "search", *orders, "--filter", "FAILED", "--format", "count"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "25\n", "")
    assert list(tmp_path.iterdir()) == []
    assert set(direct.groups_of(broker.bootstrap)) <= set(known)  # those of other tests may go


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--filter", "x", "--from", "yesterday"), "“yesterday”"),
        (("--expression", "value.n =="), "column"),
        (("--regex", "(a"), "column|regular|\\)"),
        (("--filter", "value.n == 1", "--in", "key"), "--in"),
        (("--partition", "7"), "no partition 7"),
        (("--zone", "Mars/Olympus"), "Mars/Olympus"),
        (("--executor", "spark://x:1"), "dask://host:port"),
    ],
)
def test_what_is_wrong_is_said(orders: Sequence[str], arguments: Sequence[str], said: str) -> None:
    done = _run(*orders, *arguments)
    assert (done.returncode, done.stdout) == (cli.FAILED, "")
    assert re.search(said, done.stderr)
    assert "Traceback" not in done.stderr


def test_a_topic_that_is_not_there(broker: Broker, topic_name: str) -> None:
    done = _run(topic_name, "--bootstrap", broker.bootstrap)
    assert done.returncode == cli.FAILED
    assert topic_name in done.stderr
    assert topic_name not in direct.admin(broker.bootstrap).list_topics(timeout=10).topics


def test_nobody_answers() -> None:
    address = f"127.0.0.1:{processes.free_port()}"
    begun = time.monotonic()
    done = _run("t", "--bootstrap", address)
    assert done.returncode == cli.FAILED
    assert address in done.stderr
    assert "refused" in done.stderr
    assert time.monotonic() - begun < 20


def test_what_is_incomplete_says_so(broker: Broker, orders: Sequence[str]) -> None:
    """Found or not: who reads the exit code must know that there may be more."""
    direct.delete_records(broker.bootstrap, orders[0], {0: 10})
    done = _run(*orders, "--filter", "FAILED", "--from", "offset:5", "--format", "count")
    assert done.returncode == cli.FAILED
    assert done.stdout == "20\n"
    assert "Records 5 to 9 of partition 0 are gone." in done.stderr


@pytest.fixture
def endless(broker: Broker, topic_name: str) -> Sequence[str]:
    """A search that takes a while."""
    direct.create(broker.bootstrap, topic_name, 2)
    direct.produce(broker.bootstrap, topic_name, direct.rows(200_000, 2, size=300))
    return (topic_name, "--bootstrap", broker.bootstrap, "--workers", "2")


def _first_line(running: subprocess.Popen[bytes]) -> bytes:
    assert running.stdout
    return running.stdout.readline()


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a process group")
def test_ctrl_c_ends_it_soon_and_says_how_far_it_got(endless: Sequence[str]) -> None:
    """The reader of its output stands still, so it is in the middle of writing; its workers get the signal as well."""
    with subprocess.Popen(
        _command(*endless, "--progress"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
    ) as running:
        _first_line(running)
        begun = time.monotonic()
        os.killpg(running.pid, signal.SIGINT)
        assert running.stderr
        hung = threading.Timer(30, running.send_signal, [signal.SIGABRT])  # then it says where it stands
        hung.start()
        said = running.stderr.read().decode()
        hung.cancel()
        running.wait(10)
        assert time.monotonic() - begun < 10, said
    assert running.returncode == cli.FAILED
    assert re.search(r"\d+ matches in .*% of the offsets were scanned\.", said)
    assert "Not scanned:" in said
    assert "Traceback" not in said


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a process group")
def test_workers_do_not_hear_ctrl_c_even_while_they_start() -> None:
    """It reaches them as well, and what it means is for the one that is talked to."""
    asked = (
        "import signal; from functools import partial; from kexplorer.kafka.scan_pool import ScanPool; "
        "pool = ScanPool(1); blocked = pool.submit(partial(signal.pthread_sigmask, signal.SIG_BLOCK, [])).result(); "
        "pool.shutdown(); print(signal.SIGINT in blocked)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "True\n"


def test_ctrl_c_before_it_has_begun(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_module: str) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("kexplorer.__main__.import_module", interrupted)
    assert main(["search", "orders"]) == cli.FAILED
    assert capsys.readouterr().err == "kexplorer: interrupted.\n"


def test_a_pipe_that_closes_ends_it_quietly(endless: Sequence[str]) -> None:
    with subprocess.Popen(_command(*endless), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        _first_line(running)
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert running.wait(20) == cli.PIPE_CLOSED
        assert running.stderr.read() == b""


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals")
def test_on_a_terminal_it_shows_how_it_goes(orders: Sequence[str]) -> None:
    """In one line, and the last word is the coverage."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(_command(*orders, "--filter", "FAILED"), stdout=subprocess.PIPE, stderr=theirs) as running:
        os.close(theirs)
        assert running.stdout
        assert len(running.stdout.readlines()) == 25
        running.wait(20)
    shown = b""
    while select.select([ours], [], [], 1)[0]:
        try:
            shown += os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert b"25 matches in 100 records" in shown
    assert shown.endswith(b"everything was scanned.\r\n")


def test_a_connection_of_the_window(broker: Broker, orders: Sequence[str], tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    ProfileStore(tmp_path / "kexplorer" / "clusters.toml").add(Profile("prod", broker.bootstrap))
    done = _run(orders[0], "--profile", "prod", "--format", "count", env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "100\n", "")
    done = _run(orders[0], "--profile", "other", env=environment)
    assert done.returncode == cli.FAILED
    assert "prod" in done.stderr


@pytest.mark.kafka
def test_a_connection_with_a_password(broker: Broker, topic_name: str, tmp_path: Path) -> None:
    """It is looked up where the connection says, and asked for by nobody when there is no terminal."""
    store = ProfileStore(tmp_path / "kexplorer" / "clusters.toml")
    store.add(
        Profile(
            "locked",
            broker.bootstrap,
            SecurityProtocol.SASL_PLAINTEXT,
            username="me",
            password=SecretRef.parse("env:NO_SUCH_VARIABLE"),
        )
    )
    done = _run(
        topic_name,
        "--profile",
        "locked",
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == cli.FAILED
    assert "NO_SUCH_VARIABLE" in done.stderr


def _parsed(*arguments: str) -> FilterSpec:
    return cli._filter(cli._parser().parse_args(["t", "--bootstrap", "b:1", *arguments]))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("FAILED", FilterKind.CONTAINS),
        ("value", FilterKind.CONTAINS),
        ("value.status", FilterKind.CONTAINS),
        ("order-4711", FilterKind.CONTAINS),
        ("4711", FilterKind.CONTAINS),
        ('"status":"FAILED"', FilterKind.CONTAINS),
        ("a == b", FilterKind.CONTAINS),
        ("value.n >", FilterKind.CONTAINS),
        ("value.n > 5", FilterKind.EXPRESSION),
        ('contains(value.note, "x")', FilterKind.EXPRESSION),
        ("key == null and partition == 3", FilterKind.EXPRESSION),
    ],
)
def test_what_filter_takes_for_an_expression(text: str, kind: FilterKind) -> None:
    assert _parsed("--filter", text) == FilterSpec(text, kind)
    assert _parsed("--text", text) == FilterSpec(text)
    assert _parsed("--expression", text) == FilterSpec(text, FilterKind.EXPRESSION)


def test_options_of_a_text() -> None:
    assert _parsed() == FilterSpec("")
    assert _parsed("--regex", "a+", "--ignore-case") == FilterSpec("a+", FilterKind.REGEX, False)
    assert _parsed("--filter", "x", "--in", "headers") == FilterSpec("x", where=Where.HEADERS)
    with pytest.raises(Failure):
        _parsed("--expression", "value.n > 5", "--ignore-case")


HAS_DASK = importlib.util.find_spec("distributed") is not None
_DASK = "--host 127.0.0.1 --no-dashboard"


@contextlib.contextmanager
def _dask(*arguments: str, until: str) -> Iterator[subprocess.Popen[str]]:
    """A process of a Dask cluster, from the line of its log that has `until` in it."""
    command = [sys.executable, "-m", "dask", *arguments, *_DASK.split()]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        try:
            seen: list[str] = []
            while not seen or until not in seen[-1]:
                seen.append(process.stderr.readline())
                assert seen[-1], "".join(seen)
            reading = threading.Thread(target=process.stderr.read, daemon=True)  # so that it never waits for us
            reading.start()
            yield process
        finally:
            process.kill()
        reading.join()


@pytest.fixture
def dask_cluster(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a scheduler with two workers, each a process, and one of the workers."""
    port = str(processes.free_port())
    one_each = ("--nworkers", "1", "--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path))
    worker = ("worker", f"tcp://127.0.0.1:{port}", *one_each)
    with (
        _dask("scheduler", "--port", port, until="Scheduler at:"),
        _dask(*worker, until="Registered to:") as first,
        _dask(*worker, until="Registered to:"),
    ):
        yield f"dask://127.0.0.1:{port}", first


@pytest.mark.slow
@pytest.mark.skipif(not HAS_DASK, reason="the extra `dask` is not installed")
def test_a_dask_cluster_finds_the_same(orders: Sequence[str], dask_cluster: tuple[str, object]) -> None:
    local = _run(*orders, "--filter", "FAILED")
    remote = _run(*orders, "--filter", "FAILED", "--executor", dask_cluster[0])
    assert remote.returncode == 0, remote.stderr
    assert sorted(remote.stdout.splitlines()) == sorted(local.stdout.splitlines())
    assert len(remote.stdout.splitlines()) == 25


@pytest.mark.slow
@pytest.mark.skipif(not HAS_DASK, reason="the extra `dask` is not installed")
def test_a_dask_worker_is_killed(
    broker: Broker, topic_name: str, dask_cluster: tuple[str, subprocess.Popen[str]], tmp_path: Path
) -> None:
    """The other one scans its pieces, and each match still comes once. Nothing is read behind the first line until the
    worker is dead, and the rest fits into no pipe: so the search is not near its end."""
    direct.create(broker.bootstrap, topic_name, 3)
    direct.produce(broker.bootstrap, topic_name, direct.rows(40_000, 3, size=500))
    address, worker = dask_cluster
    command = _command(topic_name, "--bootstrap", broker.bootstrap, "--executor", address)
    errors = tmp_path / "errors"
    with (
        errors.open("w") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as search,
    ):
        assert search.stdout
        first = search.stdout.readline()
        worker.kill()
        worker.wait()
        rest = search.stdout.read()
    assert search.returncode == 0, errors.read_text()
    found = sorted((line["partition"], line["offset"]) for line in _lines(first + rest))
    assert found == [(p, offset) for p in range(3) for offset in range(40_000 // 3 + (p < 40_000 % 3))]


@pytest.mark.slow
def test_dask_is_an_extra(orders: Sequence[str]) -> None:
    said = "No Dask scheduler answers" if HAS_DASK else "kexplorer[dask]"
    done = _run(*orders, "--executor", f"dask://127.0.0.1:{processes.free_port()}")
    assert done.returncode == cli.FAILED
    assert said in done.stderr
