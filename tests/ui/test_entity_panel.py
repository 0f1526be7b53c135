"""The state of an entity at any time, as a person looks at it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.folding import FoldKind, FoldSpec
from kexplorer.services import entity
from kexplorer.services.entity import EntityKey
from kexplorer.ui.panels.entity import EntityPanel
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.entity_lives import NOW, accounts, add, opened

EVENTS = 63


@pytest.fixture(autouse=True)
def _panels_are_made(heartbeat: Heartbeat) -> None:
    heartbeat.allow(500, "a panel and its inspector are made in it")


async def looked(panel: EntityPanel, row: int) -> None:
    """The event with this number is on the screen, its state too."""

    def there() -> bool:
        if "life" not in vars(panel) or (look := panel.life.look) is None or panel.life.history is None:
            return False
        return panel.life.timeline.current == row and look.step.record == panel.life.history.records[row]

    await until(there)


async def shown(panel: EntityPanel, spec: FoldSpec, key: bytes = b"account-7") -> None:
    panel.bar.show_fold(spec)
    panel.open(key)
    await until(lambda: "life" in vars(panel) and panel.pages.currentWidget() is panel.life)


def changed(panel: EntityPanel) -> list[tuple[str, ...]]:
    model = panel.life.changes.model()
    return [tuple(str(model.index(row, column).data()) for column in range(4)) for row in range(model.rowCount())]


def test_one_goes_from_event_to_event(qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(accounts()) as panel:
            panel.bar.name.setFocus()
            await shown(panel, FoldSpec(FoldKind.MERGE))
            await looked(panel, EVENTS - 1)
            assert panel.life.place.whole.startswith(f"Event {EVENTS} of {EVENTS} · ")
            assert panel.life.state_json() == '{"owner":{"name":"Grace"},"balance":9007199254740993}'
            await until(lambda: panel.focusWidget() is panel.life.timeline)
            QTest.keyClick(panel.life.timeline, Qt.Key.Key_Left)
            await looked(panel, EVENTS - 2)
            assert panel.life.told.whole.startswith("No state after this event")
            assert changed(panel)[0][:2] == ("removed", "(the whole state)")
            QTest.keyClick(panel.life.timeline, Qt.Key.Key_Home)
            await looked(panel, 0)
            assert not panel.life.back.isEnabled()
            QTest.mouseClick(panel.life.on, Qt.MouseButton.LeftButton)
            await looked(panel, 1)
            assert ("added", "frozen", "", "true") in changed(panel)
            assert panel.life.history is not None
            assert panel.life.inspector.record == panel.life.history.records[1]

    qtloop.run(look())


def test_an_event_that_is_not_folded_says_why(qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(accounts()) as panel:
            await shown(panel, FoldSpec(FoldKind.MERGE))
            assert panel.life.bad.text() == "1 event is not folded"
            panel.life.bad.click()
            await looked(panel, EVENTS - 3)
            await until(panel.life.why.isVisible)
            assert "The value is no JSON, so it is no JSON merge patch." in panel.life.why.text()
            assert changed(panel) == []
            panel.life.go_to(3)
            await looked(panel, 3)
            await until(lambda: not panel.life.why.isVisible())

    qtloop.run(look())


def test_the_state_at_a_time_and_two_of_them_compared(qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(accounts()) as panel:
            await shown(panel, FoldSpec(FoldKind.MERGE))
            panel.set_zone(UTC)
            at = datetime.fromtimestamp(NOW / 1000 + 10.5 * 3600, UTC)
            panel.life.time.setText(at.isoformat())
            panel.life.go_to_time()
            await looked(panel, 10)
            panel.life.pin_here()
            panel.life.go_to(45)
            await looked(panel, 45)
            await until(lambda: "beside A (event 11)" in panel.life.told.whole)
            assert ("changed", "owner.name", "Ada", "Grace") in changed(panel)
            panel.life.pin_here()
            await until(lambda: "beside A" not in panel.life.told.whole)
            assert not any(path == "owner.name" for _, path, *_ in changed(panel))
            panel.life.time.setText("2001-01-01T00:00:00")
            panel.life.go_to_time()
            await looked(panel, 0)
            assert "There was no event yet" in panel.status_text

    qtloop.run(look())


def test_the_same_events_are_folded_in_another_way(qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(accounts()) as panel:
            await shown(panel, FoldSpec())
            await looked(panel, EVENTS - 1)
            before = panel.life.history
            panel.bar.show_fold(FoldSpec(FoldKind.EXPRESSION, "n = coalesce(state.n, 0) + 1"))
            panel.bar.apply.click()
            await until(lambda: panel.life.history is not before)
            panel.life.go_to(EVENTS - 3)
            await looked(panel, EVENTS - 3)
            assert panel.life.state_json() == f'{{"n":{EVENTS - 2}}}'
            panel.bar.show_fold(FoldSpec(FoldKind.EXPRESSION, "n = "))
            panel.bar.apply.click()
            await until(lambda: panel.strip.failure is not None)
            assert "Line 1, column" in str(panel.strip.failure)

    qtloop.run(look())


def test_expressions_are_waited_for(qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(accounts()) as panel:
            await shown(panel, FoldSpec(FoldKind.MERGE))
            panel.bar.kind.setFocus()
            QTest.keyClicks(panel.bar.kind, FoldKind.EXPRESSION)
            await until(panel.bar.expressions.hasFocus)
            assert panel.strip.failure is None
            assert not panel.tasks.running("fold")
            for after in (panel.bar.apply, panel.life.timeline):  # although they were made later than the timeline
                QTest.keyClick(panel.focusWidget(), Qt.Key.Key_Tab)
                assert panel.focusWidget() is after

    qtloop.run(look())


def test_several_topics_are_one_life(qtloop: LoopRunner) -> None:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 3)
    cluster.add_topic("payments", 3)
    add(cluster, "o-1", b'{"status": "new"}', 0, "orders")
    add(cluster, "o-1", b'{"paid": true}', 1, "payments")
    add(cluster, "o-1", b'{"status": "sent"}', 2, "orders")

    async def look() -> None:
        async with opened(cluster, "orders", "payments") as panel:
            await shown(panel, FoldSpec(FoldKind.MERGE), b"o-1")
            await looked(panel, 2)
            assert panel.life.state_json() == '{"status":"sent","paid":true}'
            assert "orders" in panel.bar.scope.whole
            assert "payments" in panel.bar.scope.whole
            assert panel.notice.isHidden()  # it is no warning

    qtloop.run(look())


def test_a_key_that_another_producer_placed_is_looked_for_everywhere(qtloop: LoopRunner) -> None:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 3)
    add(cluster, "o-1", b"{}", 0, "orders")  # there is something in the likely partition
    for partition in range(3):
        cluster.add("orders", b'{"n": %d}' % partition, key=b"elsewhere", partition=partition, timestamp=NOW)
    likely = entity._likely([s for s in cluster.logs if s.topic == "orders"], EntityKey("elsewhere"))
    cluster.logs[likely[0]].pop()

    async def look() -> None:
        async with opened(cluster, "orders") as panel:
            await shown(panel, FoldSpec(), b"elsewhere")
            await looked(panel, 1)
            assert panel.bar.scope.isHidden()

    qtloop.run(look())


def test_an_entity_by_a_field_of_the_value(qtloop: LoopRunner) -> None:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 2)
    for n in range(20):
        cluster.add("orders", b'{"customer": {"id": %d}, "n": %d}' % (n % 3, n), partition=n % 2, timestamp=NOW + n)

    async def look() -> None:
        async with opened(cluster, "orders") as panel:
            panel.restore_state({"by": "Field", "path": "value.customer.id", "name": "2", "fold": "Last value"})
            panel.rebuild()
            await looked(panel, 5)
            assert panel.life.state_json() == '{"customer":{"id":2},"n":17}'
            panel.bar.path.setText("value.")
            panel.rebuild()
            await until(lambda: panel.strip.failure is not None)
            assert "column 7" in str(panel.strip.failure)

    qtloop.run(look())


def test_what_is_not_there_is_told(qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(accounts()) as panel:
            panel.open(b"nobody")
            await until(lambda: "There is no event of this entity" in panel.empty.text)
            assert not panel.panel_actions()[1].isEnabled()
            panel.bar.name.setText("hex:0")
            panel.rebuild()
            assert "no hexadecimal number" in str(panel.strip.failure)

    qtloop.run(look())


def test_bytes_that_are_no_text_are_a_key_too(qtloop: LoopRunner) -> None:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders")
    cluster.add("orders", b"1", key=b"\x00\xff\x01", timestamp=NOW)

    async def look() -> None:
        async with opened(cluster, "orders") as panel:
            await shown(panel, FoldSpec(), b"\x00\xff\x01")
            await looked(panel, 0)
            assert panel.bar.name.text() == "hex:00ff01"
            assert panel.life.state_json() == "1"

    qtloop.run(look())


def test_what_a_person_takes_along(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def look() -> None:
        async with opened(accounts()) as panel:
            await shown(panel, FoldSpec(FoldKind.MERGE))
            await looked(panel, EVENTS - 1)
            actions = {action.text(): action for action in panel.panel_actions()}
            actions["Copy the state as JSON"].trigger()
            assert json.loads(QGuiApplication.clipboard().text())["balance"] == 9007199254740993
            wanted: list[tuple[object, ...]] = []
            panel.message_wanted.connect(lambda *where: wanted.append(where))
            actions["Show the record in Messages"].trigger()
            record = panel.life.history.records[EVENTS - 1] if panel.life.history else None
            assert record
            assert wanted == [("accounts", record.partition, record.offset)]
            await panel.save_history(tmp_path / "life.jsonl")
            lines = (tmp_path / "life.jsonl").read_text().splitlines()
            assert len(lines) == EVENTS
            assert json.loads(lines[-1])["state"]["owner"] == {"name": "Grace"}

    qtloop.run(look())


def test_no_more_than_can_be_kept(qtloop: LoopRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entity, "MOST_EVENTS", 20)

    async def look() -> None:
        async with opened(accounts()) as panel:
            await shown(panel, FoldSpec())
            await looked(panel, 19)
            assert "these are not all" in panel.notice.text

    qtloop.run(look())


def test_the_handle_follows_the_mouse(qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(accounts()) as panel:
            await shown(panel, FoldSpec())
            timeline = panel.life.timeline
            for row in (5, 40):
                where = QPoint(round(timeline.x_of(row)), 30)
                QTest.mouseClick(timeline, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, where)
                await looked(panel, row)

    qtloop.run(look())


def test_what_was_typed_comes_back(qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(accounts()) as panel:
            panel.bar.show_key(b"account-7")
            panel.bar.show_fold(FoldSpec(FoldKind.EXPRESSION, "a = 1\nb = 2"))
            panel.bar.everywhere.setChecked(True)
            kept = json.loads(json.dumps(panel.save_state()))
        async with opened(accounts()) as panel:
            panel.restore_state(kept)
            assert panel.bar.entity() == EntityKey("account-7")
            assert panel.bar.fold() == FoldSpec(FoldKind.EXPRESSION, "a = 1\nb = 2")
            assert panel.bar.everywhere.isChecked()
            panel.restore_state({"fold": [7], "name": None, "by": []})

    qtloop.run(look())


def test_a_handle_that_is_dragged_shows_where_it_rests(qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(accounts()) as panel:
            await shown(panel, FoldSpec())
            for row in range(EVENTS - 2, 20, -1):
                panel.life.go_to(row)
            await looked(panel, 21)
            panel.life.go_to(22)
            await looked(panel, 22)

    qtloop.run(look())


def test_a_cluster_that_is_away_is_told_and_tried_again(qtloop: LoopRunner) -> None:
    cluster = accounts()
    cluster.failures["metadata"] = Failure(FailureKind.UNREACHABLE, "bank cannot be reached.")

    async def look() -> None:
        async with opened(cluster) as panel:
            panel.open(b"account-7")
            await until(lambda: panel.strip.failure is not None)
            assert "Looking" not in panel.empty.text
            cluster.failures.clear()
            panel.strip.retry_requested.emit()
            await looked(panel, EVENTS - 1)
            assert panel.strip.failure is None

    qtloop.run(look())
