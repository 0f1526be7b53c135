"""Messages that are written by a schema: chosen, checked as they are typed, sent, and edited again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from kexplorer.formats.numbers import size
from kexplorer.model.profile import Profile
from kexplorer.model.records import Record, TimestampType
from kexplorer.model.schemas import Part, SchemaAssignment, SchemaChoice, SchemaFormat
from kexplorer.model.topics import TopicPartition
from kexplorer.services.jobs import Jobs
from kexplorer.services.schemas import open_schemas
from kexplorer.services.sessions import Session
from kexplorer.store.templates import TemplateStore
from kexplorer.ui.panels.produce import ProducePanel
from kexplorer.ui.panels.produce_compose import ComposeTab
from kexplorer.ui.widgets.bytes_editor import BytesEditor
from kexplorer.ui.widgets.code_view import CodeView
from kexplorer.ui.widgets.field_editors import LineField
from kexplorer.ui.widgets.payload_forms import Form
from tests.registry.server import FakeRegistry, Running
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.sessions import session_on

pytestmark = pytest.mark.usefixtures("qtbot")

ITEM = """{"type": "record", "name": "Item", "namespace": "shop",
    "fields": [{"name": "n", "type": "long"}, {"name": "s", "type": ["null", "string"], "default": null}]}"""
OLDER = '{"type": "record", "name": "Item", "namespace": "shop", "fields": [{"name": "n", "type": "long"}]}'
SHAPES = 'syntax = "proto3"; package shop; message Dot { int32 x = 1; } message Line { repeated Dot dots = 1; }'
NOTE = '{"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}'
FRAME = b"\0\0\0\0"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    made = FakeRegistry()
    for number, (subject, version, text, kind) in enumerate(
        [
            ("orders-value", 1, OLDER, "AVRO"),
            ("orders-value", 2, ITEM, "AVRO"),
            ("shapes", 1, SHAPES, "PROTOBUF"),
            ("notes", 1, NOTE, "JSON"),
            ("orders-key", 1, '"long"', "AVRO"),
        ],
        start=6,
    ):
        made.add(number, text, kind)
        made.subjects[subject, version] = {"id": number, "schema": text, "schemaType": kind}
    with Running(made):
        yield made


@asynccontextmanager
async def _shown(registry: FakeRegistry, folder: Path) -> AsyncIterator[tuple[FakeCluster, ComposeTab]]:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 1)
    schemas = await open_schemas(Profile("shop", "localhost:9092", registry_url=registry.url), "")
    session = replace(session_on(cluster), schemas=schemas)

    async def opened() -> Session:
        return session

    store = TemplateStore(folder / "templates.json")
    panel = ProducePanel(cluster.profile, "orders", opened, Jobs(), store, lambda *_: None, lambda *_: None)
    panel.resize(1000, 640)
    panel.show()
    try:
        await until(lambda: panel.compose.editor.topic.known)
        yield cluster, panel.compose
    finally:
        await panel.close_panel()
        panel.deleteLater()


def _choose(editor: BytesEditor, form: Form) -> None:
    editor.form.setCurrentText(form.value)
    editor.form.activated.emit(editor.form.currentIndex())


def _subject(editor: BytesEditor, name: str) -> None:
    line = editor.schema.subject.lineEdit()
    assert line is not None
    line.setText(name)
    line.editingFinished.emit()


async def _sent(cluster: FakeCluster, compose: ComposeTab) -> Record:
    before = sum(map(len, cluster.logs.values()))
    compose.send_button.click()
    await until(lambda: sum(map(len, cluster.logs.values())) > before or compose.strip.failure is not None)
    assert compose.strip.failure is None
    await until(compose.send_button.isEnabled)
    (log,) = (log for source, log in cluster.logs.items() if source.topic == "orders")
    found: Record = log[-1]
    return found


def _all_of(view: CodeView) -> str:
    view.select_all()
    return view.selected_text()


def _record(key: bytes | None, value: bytes | None) -> Record:
    return Record(TopicPartition("orders", 0), 1, 1_795_400_000_000, TimestampType.CREATE_TIME, key, value, ())


def test_the_newest_schema_of_the_topic_is_offered_and_written_by(
    qtloop: LoopRunner, registry: FakeRegistry, tmp_path: Path
) -> None:
    async def look() -> None:
        async with _shown(registry, tmp_path) as (cluster, compose):
            value, key = compose.editor.value, compose.editor.key
            _choose(value, Form.AVRO)
            await until(lambda: value.schema.told.whole == "Avro “shop.Item”")
            assert value.schema.subject.currentText() == "orders-value"
            assert value.schema.version.currentText() == "Newest (2)"
            await until(lambda: value.schema.subject.count() == 4)
            value.schema.example.click()
            assert json.loads(value.text()) == {"n": 0, "s": "text"}
            value.edit.write('{"n": 5,\n "s": 7}')
            await until(lambda: value.told.whole == "Line 2, column 7, s: expected a string, found 7.")
            assert value.edit.extraSelections()
            compose.send_button.click()
            await until(lambda: compose.strip.failure is not None)
            assert "does not fit its Avro schema: line 2, column 7, s" in str(compose.strip.failure)
            value.edit.write('{"n": 5, "s": "x"}')
            _choose(key, Form.AVRO)
            key.edit.insertPlainText("-1")
            await until(lambda: key.told.whole == "6 B")
            record = await _sent(cluster, compose)
            assert (record.key, record.value) == (FRAME + b"\x0a\x01", FRAME + b"\x07\x0a\x02\x02x")

    qtloop.run(look())


def test_a_value_is_filled_in_as_a_form_and_sent(qtloop: LoopRunner, registry: FakeRegistry, tmp_path: Path) -> None:
    async def look() -> None:
        async with _shown(registry, tmp_path) as (cluster, compose):
            value = compose.editor.value
            assert value.pages.switch.isHidden()
            _choose(value, Form.AVRO)
            await value.settled()
            value.edit.write('{"n": 5,\n "s": "x"}')
            value.pages.as_form.click()
            await until(lambda: value.pages.form is not None)
            form = value.pages.form
            assert form is not None
            number, text = (line.editor for line in form.lines)
            assert isinstance(number, LineField)
            assert isinstance(text, LineField)
            assert (number.text(), text.text()) == ("5", "x")
            number.selectAll()
            QTest.keyClicks(number, "7x")
            await until(lambda: form.lines[0].error == "Expected long, an integer, found “7x”.")
            compose.send_button.click()
            await until(lambda: compose.strip.failure is not None)
            assert value.told.whole == "n: expected long, an integer, found “7x”."
            assert "does not fit its Avro schema: line 1, column 7, n" in str(compose.strip.failure)
            QTest.keyClick(number, Qt.Key.Key_Backspace)
            await until(lambda: not form.lines[0].error)
            assert value.text() == '{"n": 7,\n "s": "x"}'
            assert (await _sent(cluster, compose)).value == FRAME + b"\x07\x0e\x02\x02x"
            value.edit.undo()
            assert number.text() != "7"
            compose.load(_record(None, FRAME + b"\x06\x0a"))  # of the older version
            await until(lambda: len(form.lines) == 1 and form.lines[0].known == "5" and value.pages.form is form)
            value.edit.write('{"n": ')
            assert value.pages.form is None
            assert value.pages.as_json.isChecked()
            value.pages.as_form.click()
            await until(lambda: value.told.whole.startswith("There is no form of it: line 1"))
            _choose(value, Form.TEXT)
            assert value.pages.switch.isHidden()

    qtloop.run(look())


def test_what_has_no_fields_has_no_form(qtloop: LoopRunner, registry: FakeRegistry, tmp_path: Path) -> None:
    async def look() -> None:
        async with _shown(registry, tmp_path) as (_cluster, compose):
            key = compose.editor.key
            _choose(key, Form.AVRO)
            await key.settled()
            key.edit.insertPlainText("1")
            await until(lambda: key.told.whole == "6 B")
            key.pages.as_form.click()
            await until(lambda: key.told.whole == "There is no form: long has no fields.")
            assert key.pages.as_json.isChecked()

    qtloop.run(look())


def test_a_large_text_is_checked_too(qtloop: LoopRunner, registry: FakeRegistry, tmp_path: Path) -> None:
    many = json.dumps({"dots": [{"x": 1}] * 4000 + [{"x": "no"}]})

    async def look() -> None:
        async with _shown(registry, tmp_path) as (cluster, compose):
            value = compose.editor.value
            _choose(value, Form.PROTOBUF)
            _subject(value, "shapes")
            await value.settled()
            value.schema.message.setCurrentText("shop.Line")
            value.schema.message.activated.emit(0)
            value.edit.write(many)
            await until(lambda: "dots[4000].x: expected int32, an integer, found “no”" in value.told.whole)
            value.edit.write(many.replace('"no"', "2"))
            await until(lambda: value.told.whole == size(7 + 4 * 4001))
            assert len((await _sent(cluster, compose)).value or b"") == 7 + 4 * 4001

    qtloop.run(look())


def test_another_version_subject_and_message_are_chosen(
    qtloop: LoopRunner, registry: FakeRegistry, tmp_path: Path
) -> None:
    async def look() -> None:
        async with _shown(registry, tmp_path) as (cluster, compose):
            value = compose.editor.value
            _choose(value, Form.AVRO)
            box = value.schema
            value.edit.insertPlainText('{"n": 5}')
            await until(lambda: value.told.whole == "7 B")
            box.version.setCurrentText("Version 1")
            box.version.activated.emit(box.version.currentIndex())
            await until(lambda: value.told.whole == "6 B")
            assert (await _sent(cluster, compose)).value == FRAME + b"\x06\x0a"
            _subject(value, "shapes")
            await until(lambda: box.told.whole == "Protobuf “shop.Dot”")
            assert value.chosen is Form.PROTOBUF
            box.message.setCurrentText("shop.Line")
            box.message.activated.emit(box.message.currentIndex())
            await until(lambda: box.told.whole == "Protobuf “shop.Line”")
            value.edit.write('{"dots": [{"x": 1}, {}]}')
            assert (await _sent(cluster, compose)).value == FRAME + b"\x08\x02\x02\x0a\x02\x08\x01\x0a\x00"
            _subject(value, "notes")
            await until(lambda: "“id” is missing" in value.told.whole)
            value.edit.write('{"id": 1 }')
            assert (await _sent(cluster, compose)).value == FRAME + b'\x09{"id": 1 }'
            _subject(value, "nobody")
            await until(lambda: "has no subject nobody" in box.told.whole)
            compose.send_button.click()
            await until(lambda: "has no subject nobody" in str(compose.strip.failure))

    qtloop.run(look())


def test_a_registry_that_refuses_or_is_missing_is_told(
    qtloop: LoopRunner, registry: FakeRegistry, tmp_path: Path
) -> None:
    async def look() -> None:
        async with _shown(registry, tmp_path) as (_cluster, compose):
            registry.authorization = "Basic eDp5"
            value = compose.editor.value
            _choose(value, Form.AVRO)
            await until(lambda: "401" in value.schema.told.whole)
            value.side.set_schemas(None)
            await until(lambda: value.schema.told.whole == "The connection has no Schema Registry.")

    qtloop.run(look())


def test_an_assigned_file_needs_no_registry(qtloop: LoopRunner, registry: FakeRegistry, tmp_path: Path) -> None:
    file = tmp_path / "order.avsc"
    file.write_text('{"type": "map", "values": "int"}', "utf-8")

    async def look() -> None:
        async with _shown(registry, tmp_path) as (cluster, compose):
            schemas = (await compose.of.open_session()).schemas
            assert schemas is not None
            await schemas.assign(SchemaAssignment("ord*", Part.VALUE, SchemaFormat.AVRO, str(file)))
            value = compose.editor.value
            _choose(value, Form.AVRO)
            await until(lambda: value.schema.told.whole == "Avro “map”")
            assert value.schema.subject.currentText() == "File order.avsc"
            value.edit.insertPlainText('{"a": -1}')
            assert (await _sent(cluster, compose)).value == b"\x02\x02a\x01\x00"

    qtloop.run(look())


def test_a_record_is_edited_as_json_and_keeps_its_schema(
    qtloop: LoopRunner, registry: FakeRegistry, tmp_path: Path
) -> None:
    odd = FRAME + b"\x06\x8a\x00"  # a number that nobody writes like this: it must stay as it is
    dots = FRAME + b"\x08\x02\x02\x0a\x02\x08\x01"

    async def look() -> None:
        async with _shown(registry, tmp_path) as (cluster, compose):
            key, value = compose.editor.key, compose.editor.value
            compose.load(_record(odd, dots))
            await until(lambda: (key.chosen, value.chosen) == (Form.AVRO, Form.PROTOBUF))
            assert json.loads(key.text()) == {"n": 5}
            assert value.schema.subject.currentText() == "Schema 8, as it was"
            record = await _sent(cluster, compose)
            assert (record.key, record.value) == (odd, dots)
            value.edit.write('{"dots": [{"x": 2}]}')
            await until(lambda: value.schema.told.whole == "Protobuf “shop.Line”")
            record = await _sent(cluster, compose)
            assert (record.key, record.value) == (odd, FRAME + b"\x08\x02\x02\x0a\x02\x08\x02")
            _subject(key, "orders-value")  # now it is written by the newest version
            await until(lambda: key.schema.told.whole == "Avro “shop.Item”")
            assert (await _sent(cluster, compose)).key == FRAME + b"\x07\x0a\x00"
            compose.load(_record(b"plain", b'{"a": 1}'))
            assert (key.chosen, value.chosen) == (Form.TEXT, Form.JSON)
            await asyncio.sleep(0)
            record = await _sent(cluster, compose)
            assert (record.key, record.value) == (b"plain", b'{"a": 1}')

    qtloop.run(look())


def test_a_change_of_format_is_a_change_of_the_bytes(
    qtloop: LoopRunner, registry: FakeRegistry, tmp_path: Path
) -> None:
    async def look() -> None:
        async with _shown(registry, tmp_path) as (cluster, compose):
            value = compose.editor.value
            compose.load(_record(None, FRAME + b"\x06\x0a"))
            await until(lambda: value.chosen is Form.AVRO)
            await until(lambda: value.schema.told.whole == "Avro “shop.Item”")
            _choose(value, Form.HEX)
            assert value.text() == "00 00 00 00 06 0A"
            assert value.data() == FRAME + b"\x06\x0a"
            compose.load(_record(None, FRAME + b"\x06\x0a"))
            await until(lambda: value.chosen is Form.AVRO)
            _choose(value, Form.JSON)
            assert json.loads((await _sent(cluster, compose)).value or b"") == {"n": 5}

    qtloop.run(look())


def test_templates_are_filled_written_and_saved_with_their_schema(
    qtloop: LoopRunner, registry: FakeRegistry, tmp_path: Path
) -> None:
    async def look() -> None:
        async with _shown(registry, tmp_path) as (cluster, compose):
            value = compose.editor.value
            _choose(value, Form.AVRO)
            value.edit.insertPlainText('{"n": ${seq}, "s": "${choice(a)}"}')
            compose.fill.setChecked(True)
            await until(lambda: value.told.whole == "Filled in for each message.")
            assert (await _sent(cluster, compose)).value == FRAME + b"\x07\x02\x02\x02a"
            compose.times.setValue(3)
            await _sent(cluster, compose)
            await until(lambda: sum(map(len, cluster.logs.values())) == 4)
            (log,) = (log for source, log in cluster.logs.items() if source.topic == "orders")
            assert [(record.value or b"")[5] for record in log] == [2, 2, 4, 6]
            template = compose.editor.template(fill=True)
            assert template.value_schema == SchemaChoice("orders-value")
            value.edit.write('{"n": "${seq}"}')
            await until(lambda: "may not fit: line 1, column 7, n: expected long" in value.told.whole)
            compose.editor.show_template(replace(template, value_schema=SchemaChoice("orders-value", 1)))
            await until(lambda: value.schema.version.currentText() == "Version 1")
            await until(lambda: "has no such field" in value.told.whole)

    qtloop.run(look())


def test_the_schema_is_shown_beside_the_value(qtloop: LoopRunner, registry: FakeRegistry, tmp_path: Path) -> None:
    async def look() -> None:
        async with _shown(registry, tmp_path) as (_cluster, compose):
            value = compose.editor.value
            assert not value.side.made  # nothing is made of it before it is wanted
            _choose(value, Form.AVRO)
            await until(lambda: value.schema.told.whole == "Avro “shop.Item”")
            value.schema.shows.click()
            view = value.side.view
            assert view is not None
            assert view.isVisible()
            await until(lambda: _all_of(view).startswith('{\n  "type": "record",'))
            _choose(value, Form.TEXT)
            assert not view.isVisible()
            assert not value.schema.isVisible()

    qtloop.run(look())
