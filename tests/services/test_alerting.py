"""Alerts reach the window, the log and a webhook."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from kexplorer.model.alerts import Alert, AlertRule, Metric
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import State
from kexplorer.services.alerting import Alerting
from kexplorer.services.lag_watch import LagWatch
from kexplorer.services.webhook import check_webhook, post
from kexplorer.store.alerts import AlertLog, AlertRuleStore
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster

SOURCE = TopicPartition("orders", 0)
RULE = AlertRule("behind", "bill*", above=5, below=1, seconds=0)


class _Hook(HTTPServer):
    """Takes what is posted; `answer` is the status, `location` where it sends on to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.bodies: list[dict[str, object]] = []
        self.answer = 204
        self.location = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Request(BaseHTTPRequestHandler):
    server: _Hook

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.answer)
        self.send_header("Location", self.server.location)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hook() -> Iterator[_Hook]:
    with _Hook() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _never(what: object) -> None:
    pytest.fail(str(what))


def _shop() -> FakeCluster:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders")
    for _ in range(10):
        cluster.add("orders", b"v")
    cluster.commits = {"billing": {SOURCE: 2}, "mail": {SOURCE: 2}}
    return cluster


def test_an_alert_goes_everywhere_and_its_end_too(aio: LoopRunner, hook: _Hook, tmp_path: Path) -> None:
    async def run() -> None:
        cluster = _shop()
        watch = LagWatch(cluster, every=0.01)
        log = AlertLog(tmp_path / "alerts.db")
        told: list[Alert] = []
        alerting = Alerting("shop", watch, log, told.append, _never)
        alerting.use({"behind": replace(RULE, webhook=hook.url)})
        await until(lambda: hook.bodies)
        cluster.commits["billing"][SOURCE] = 10
        await until(lambda: len(hook.bodies) == 2)
        assert [(alert.group, alert.began) for alert in told] == [("billing", True), ("billing", False)]
        assert hook.bodies[0] == {
            "text": "billing is 8 messages behind, more than 5.",
            "connection": "shop",
            "rule": "behind",
            "group": "billing",
            "began": True,
            "at": told[0].at,
        }
        for _ in range(500):
            lines = await log.lines(10)
            if len(lines) == 2:
                break
            await asyncio.sleep(0.01)
        assert [(line.group, line.began, line.trouble) for line in lines] == [
            ("billing", False, ""),
            ("billing", True, ""),
        ]
        assert lines[1].text == told[0].text
        assert abs(lines[1].at - time.time()) < 60
        await alerting.close()
        await watch.close()

    aio.run(run())


def test_a_webhook_that_fails_is_told_and_noted(aio: LoopRunner, hook: _Hook, tmp_path: Path) -> None:
    hook.answer = 500

    async def run() -> None:
        watch = LagWatch(_shop(), every=0.01)
        log = AlertLog(tmp_path / "alerts.db")
        failures: list[Failure] = []
        alerting = Alerting("shop", watch, log, lambda _: None, failures.append)
        alerting.use({"behind": replace(RULE, webhook=hook.url)})
        await until(lambda: failures)
        assert failures[0].message == "The webhook answered 500."
        for _ in range(500):
            if lines := await log.lines(1):
                break
            await asyncio.sleep(0.01)
        assert lines[0].trouble == "The webhook answered 500."
        await alerting.close()
        await watch.close()

    aio.run(run())


def test_without_rules_nobody_is_asked(aio: LoopRunner, tmp_path: Path) -> None:
    async def run() -> None:
        cluster = _shop()
        watch = LagWatch(cluster, every=0.01)
        alerting = Alerting("shop", watch, AlertLog(tmp_path / "alerts.db"), _never, _never)
        alerting.use({"never": replace(RULE, above=1000)})
        await until(lambda: watch.latest)
        alerting.use({})
        await asyncio.sleep(0.05)
        count = len(cluster.calls)
        await asyncio.sleep(0.05)
        assert len(cluster.calls) == count
        await alerting.close()
        await watch.close()

    aio.run(run())


def test_a_redirection_is_not_followed(aio: LoopRunner, hook: _Hook) -> None:
    hook.answer, hook.location = 307, "http://127.0.0.1:1/elsewhere"
    with pytest.raises(Failure, match="answered 307"):
        aio.run(post(hook.url, {}))
    assert len(hook.bodies) == 1


def test_nobody_there_is_told(aio: LoopRunner) -> None:
    with pytest.raises(Failure, match="could not be told") as raised:
        aio.run(post("http://127.0.0.1:1/", {}))
    assert raised.value.kind is FailureKind.UNREACHABLE


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://chat.example.com/hook", FailureKind.REFUSED),
        ("http://127.0.0.1.example.com/", FailureKind.REFUSED),
        ("https://name:word@chat.example.com/", FailureKind.INVALID),
        ("ftp://chat.example.com/", FailureKind.INVALID),
        ("file:///etc/passwd", FailureKind.INVALID),
        ("https://", FailureKind.INVALID),
        ("https://a b/", FailureKind.INVALID),
        ("https://a:x/", FailureKind.INVALID),
        ("https://a/\n", FailureKind.INVALID),
        ("", FailureKind.INVALID),
    ],
)
def test_addresses_that_are_not_told(url: str, kind: FailureKind) -> None:
    with pytest.raises(Failure) as raised:
        check_webhook(url)
    assert raised.value.kind is kind


@pytest.mark.parametrize("url", ["https://chat.example.com/hook?key=1", "http://localhost:80/", "http://[::1]:8080/x"])
def test_addresses_that_are(url: str) -> None:
    check_webhook(url)


def test_rules_are_kept(aio: LoopRunner, tmp_path: Path) -> None:
    async def run() -> None:
        store = AlertRuleStore(tmp_path / "alerts.json")
        rule = AlertRule("slow", "b*", Metric.TIME, 60.0, 30.0, State.STALL, 5.0, 9.5, "https://a/")
        await store.save("slow", rule)
        assert await AlertRuleStore(store.path).load() == {"slow": rule}
        content = json.loads(store.path.read_text())
        odd = [{**content[0], "name": "odd", **wrong} for wrong in ({"metric": "x"}, {"above": "1"}, {"groups": 1}, {})]
        del odd[-1]["state"]
        store.path.write_text(json.dumps([*content, *odd]))
        assert await store.load() == {"slow": rule}

    aio.run(run())
