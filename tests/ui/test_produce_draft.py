"""What was written and not sent is there again after a restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kexplorer.model.produce import Outgoing
from kexplorer.ui.panels.produce_draft import MOST
from kexplorer.ui.widgets.payload_forms import Form
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster
from tests.ui.test_produce_panel import Shown, open_produce

pytestmark = pytest.mark.usefixtures("qtbot")


def _cluster() -> FakeCluster:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 3)
    return cluster


def _records(cluster: FakeCluster) -> list[bytes | None]:
    return [record.value for log in cluster.logs.values() for record in log]


def _saved(shown: Shown) -> dict[str, object]:
    found: dict[str, object] = json.loads(json.dumps(shown.panel.save_state()))
    return found


def test_a_draft_is_there_again_and_nothing_is_sent(qtloop: LoopRunner, tmp_path: Path) -> None:
    """Half-written JSON, bytes that were put in, a header that is not right yet, null, ${...}."""
    cluster = _cluster()

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            editor = shown.panel.compose.editor
            editor.key.set_data(b"\x00\xff\r\n")
            editor.value.set_template('{"n": ${seq}, "café"', "json")
            editor.headers.set_headers([("a", b"\xff"), ("a", None)])
            editor.headers.model.setData(editor.headers.model.index(0, 2), "0G")
            editor.partition.restore_state(2, "value.n % 3")
            editor.time.setText("1700000000123")
            shown.panel.compose.fill.setChecked(True)
            saved = _saved(shown)
        async with open_produce(cluster, tmp_path, state=saved) as shown:
            compose = shown.panel.compose
            editor = compose.editor
            assert (editor.key.data(), editor.key.kept) == (b"\x00\xff\r\n", b"\x00\xff\r\n")
            assert (editor.value.text(), editor.value.chosen) == ('{"n": ${seq}, "café"', Form.JSON)
            assert [(each.name, each.text) for each in editor.headers.model.drafts] == [("a", "0G"), ("a", "")]
            assert (editor.partition.line.text(), editor.time.text()) == ("value.n % 3", "1700000000123")
            assert compose.fill.isChecked()
            assert compose.strip.failure is None
            assert shown.panel.save_state() == saved
            editor.value.set_data(None)
            saved = _saved(shown)
        async with open_produce(cluster, tmp_path, state=saved) as shown:
            assert shown.panel.compose.editor.value.data() is None
        assert not _records(cluster)

    qtloop.run(look())


def test_of_a_large_draft_what_fits_is_kept_and_it_says_so(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def look() -> None:
        cluster = _cluster()
        async with open_produce(cluster, tmp_path) as shown:
            shown.panel.compose.editor.key.set_data(b"k")
            shown.panel.compose.editor.value.set_data(b"x" * 2 * MOST)
            saved = _saved(shown)
        assert len(json.dumps(saved)) < MOST
        async with open_produce(cluster, tmp_path, state=saved) as shown:
            compose = shown.panel.compose
            assert (compose.editor.key.data(), compose.editor.value.data()) == (b"k", b"")
            assert compose.strip.failure
            assert "The value of the draft was too large" in str(compose.strip.failure)

    qtloop.run(look())


def test_a_transaction_is_there_again_in_its_order(qtloop: LoopRunner, tmp_path: Path) -> None:
    messages = [
        Outgoing("orders", b"\xff", None, (("h", None), ("h", b"1")), 2, 17),
        Outgoing("orders", None, b"", ()),
        Outgoing("orders", None, b"y" * 2 * MOST, ()),
    ]

    async def look() -> None:
        cluster = _cluster()
        async with open_produce(cluster, tmp_path) as shown:
            for each in messages:
                shown.panel.basket.add(each)
            saved = _saved(shown)
        async with open_produce(cluster, tmp_path, state={**saved, "tab": "message"}) as shown:
            assert shown.panel.tabs.tabText(2) == "Transaction (2)"
            shown.panel.show_tab("transaction")
            basket = shown.panel.basket
            assert basket.messages == messages[:2]
            assert "1 message was too large to keep" in str(basket.strip.failure)
        assert not _records(cluster)

    qtloop.run(look())


@pytest.mark.parametrize(
    "message",
    [
        {"key": 3, "value": {"text": 1, "form": "json", "schema": None}, "headers": [1, ["a", "No kind", "", None]]},
        {"value": {"data": "no base64!", "source": ""}, "left": "value"},
        {"value": {"text": "kept", "form": "no form", "schema": {"subject": 1}}},
    ],
)
def test_a_damaged_draft_is_ignored(message: dict[str, object], qtloop: LoopRunner, tmp_path: Path) -> None:
    async def look() -> None:
        state = {"tabs": {"message": {"message": message}, "transaction": {"messages": [{"topic": 1}], "left": None}}}
        async with open_produce(_cluster(), tmp_path, state=state) as shown:
            editor = shown.panel.compose.editor
            assert editor.key.data() is None
            assert editor.value.text() in ("", "kept")
            assert editor.headers.headers() == ()
            assert shown.panel.basket.messages == []

    qtloop.run(look())
