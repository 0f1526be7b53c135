"""A schema file is assigned in the window, as a person does it, and tried on a record before it counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from kexplorer.formats.decode import decode
from kexplorer.model.schemas import Part, SchemaAssignment, SchemaFormat
from kexplorer.services.schemas import Schemas
from kexplorer.store.assignments import AssignmentStore
from kexplorer.ui.dialogs.assign_schema import AssignSchemaDialog, assign_schema
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform tells of every dialog
PROTO = Path(__file__).parent.parent / "formats" / "schemas" / "order.proto"
ORDER = """{"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "long"}, {"name": "item", "type": "string"}]}"""
TEA = b"\x54\x06tea"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "order.avsc"
    path.write_text(ORDER, "utf-8")
    return path


@pytest.fixture
def schemas(tmp_path: Path) -> Schemas:
    return Schemas(store=AssignmentStore("shop", tmp_path / "schemas.json"))


@asynccontextmanager
async def _opened(
    schemas: Schemas, sample: bytes | None = TEA, topic: str = "orders", part: Part = Part.VALUE
) -> AsyncIterator[tuple[AssignSchemaDialog, "asyncio.Task[bool]"]]:
    """Still open at the end, it is left with Escape."""
    task = asyncio.create_task(assign_schema(None, schemas, topic, part, sample))
    await until(QApplication.activeModalWidget)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, AssignSchemaDialog)
    try:
        yield dialog, task
    finally:
        if not task.done():
            QTest.keyClick(dialog, Qt.Key.Key_Escape)
            await task


def _write(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")


def _press(widget: QWidget, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(widget, key, modifier)


def _text(dialog: AssignSchemaDialog) -> str:
    dialog.shown.select_all()
    return dialog.shown.selected_text()


def test_with_the_keyboard_alone(qtloop: LoopRunner, schemas: Schemas, file: Path, heartbeat: Heartbeat) -> None:
    heartbeat.allow(350, "the dialog is made in it")

    async def assign() -> bool:
        async with _opened(schemas) as (dialog, task):
            assert dialog.file.line.hasFocus()
            QTest.keyClicks(dialog.file.line, str(file))
            await until(lambda: "decodes." in dialog.verdict.text())
            assert _text(dialog) == '{\n  "id": 42,\n  "item": "tea"\n}'
            for _ in range(3):  # the button beside it, the format, the topics
                _press(dialog.focusWidget(), Qt.Key.Key_Tab)
            assert dialog.topics.hasFocus()
            _press(dialog.topics, Qt.Key.Key_End)
            QTest.keyClicks(dialog.topics, "*")
            assert dialog.topics.text() == "orders*"
            _press(dialog.topics, Qt.Key.Key_Return)
            return await task

    assert decode(TEA, schemas=schemas, topic="orders-eu").text != '{"id":42,"item":"tea"}'
    assert qtloop.run(assign())
    assert schemas.assignment("orders-eu", Part.VALUE) == SchemaAssignment(
        "orders*", Part.VALUE, SchemaFormat.AVRO, str(file)
    )
    assert decode(TEA, schemas=schemas, topic="orders-eu").text == '{"id":42,"item":"tea"}'


def test_escape_changes_nothing(qtloop: LoopRunner, schemas: Schemas, file: Path) -> None:
    async def cancel() -> bool:
        async with _opened(schemas) as (dialog, task):
            dialog.file.line.setText(str(file))
            await until(lambda: "decodes." in dialog.verdict.text())
            _press(dialog, Qt.Key.Key_Escape)
            return await task

    assert not qtloop.run(cancel())
    assert schemas.assignment("orders", Part.VALUE) is None


def test_a_protobuf_file_offers_its_messages(qtloop: LoopRunner, schemas: Schemas) -> None:
    async def assign() -> bool:
        async with _opened(schemas, b"\x0a\x04A-12\x70\x02", part=Part.KEY) as (dialog, task):
            assert not dialog.message.isVisible()
            dialog.file.line.setText(str(PROTO))
            await until(dialog.message.count)
            assert dialog.message.isVisible()
            assert dialog.message.currentText() == "shop.orders.Meta"
            await until(dialog.verdict.text)
            dialog.message.setFocus()
            for _ in ("shop.orders.Meta.Source", "shop.orders.Order"):
                _press(dialog.message, Qt.Key.Key_Down)
            assert dialog.message.currentText() == "shop.orders.Order"
            await until(lambda: "decodes." in dialog.verdict.text())
            assert _text(dialog) == '{\n  "id": "A-12",\n  "level": "HIGH"\n}'
            QTest.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
            return await task

    assert qtloop.run(assign())
    found = schemas.assignment("orders", Part.KEY)
    assert found == SchemaAssignment("orders", Part.KEY, SchemaFormat.PROTOBUF, str(PROTO), "shop.orders.Order")


def test_a_json_schema_file(qtloop: LoopRunner, schemas: Schemas, tmp_path: Path) -> None:
    file = tmp_path / "order.schema.json"
    file.write_text('{"type": "object", "required": ["id"]}', "utf-8")

    async def assign() -> bool:
        async with _opened(schemas, b'{"id": 1}') as (dialog, task):
            dialog.file.line.setText(str(file))
            await until(lambda: "decodes." in dialog.verdict.text())
            assert (dialog.format.currentText(), dialog.message.isVisible()) == ("JSON Schema", False)
            assert _text(dialog) == '{\n  "id": 1\n}'
            file.write_text("[1]", "utf-8")
            dialog.file.line.setText(f"{file} ")
            await until(lambda: "is no JSON Schema" in dialog.fields["file"].message.text())
            file.rename(tmp_path / "order.json")
            file.with_name("order.json").write_text("true", "utf-8")
            dialog.file.line.setText(str(tmp_path / "order.json"))
            await until(lambda: "decodes." in dialog.verdict.text())
            assert dialog.format.currentText() == "JSON Schema"  # which such a name does not change
            QTest.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
            return await task

    assert qtloop.run(assign())
    found = SchemaAssignment("orders", Part.VALUE, SchemaFormat.JSON, str(tmp_path / "order.json"))
    assert schemas.assignment("orders", Part.VALUE) == found
    assert AssignmentStore("shop", tmp_path / "schemas.json").load().assignments == (found,)


def test_a_schema_that_does_not_decode_the_record_may_be_saved(
    qtloop: LoopRunner, schemas: Schemas, file: Path
) -> None:
    async def save() -> bool:
        async with _opened(schemas, b"no Avro") as (dialog, task):
            dialog.file.line.setText(str(file))
            await until(lambda: dialog.verdict.text() == "The value of the selected record does not decode.")
            assert dialog.advice.text().startswith("Not Avro “Order” by the schema that was assigned")
            assert dialog.save_button.isEnabled()
            QTest.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
            return await task

    assert qtloop.run(save())
    assert schemas.assignment("orders", Part.VALUE) == SchemaAssignment(
        "orders", Part.VALUE, SchemaFormat.AVRO, str(file)
    )


def test_what_is_assigned_is_shown_changed_and_removed(qtloop: LoopRunner, schemas: Schemas, tmp_path: Path) -> None:
    kept = SchemaAssignment("ord*", Part.VALUE, SchemaFormat.PROTOBUF, str(PROTO), "shop.orders.Order.Line")

    async def look_and_remove() -> bool:
        await schemas.assign(kept)
        async with _opened(schemas, None) as (dialog, task):
            assert (dialog.file.line.text(), dialog.topics.text()) == (str(PROTO), "ord*")
            await until(lambda: "can be used" in dialog.verdict.text())
            assert dialog.message.currentText() == "shop.orders.Order.Line"
            assert dialog.chosen() == kept
            assert "Select a record that has a value" in dialog.advice.text()
            _press(dialog, Qt.Key.Key_R, Qt.KeyboardModifier.AltModifier)
            return await task

    assert qtloop.run(look_and_remove())
    assert schemas.assignment("orders", Part.VALUE) is None
    assert AssignmentStore("shop", tmp_path / "schemas.json").load().assignments == ()


@pytest.mark.parametrize(
    ("sample", "verdict", "advice"),
    [
        (TEA + b"\x00", "does not decode.", "1 bytes are left over after byte 5."),
        (b"\x54\x02\xff", "with a caveat.", "Some text is not UTF-8"),
        (b"\x00\x00\x00\x00\x07" + TEA, "decodes.", ""),  # behind a registry's framing
        (b"", "can be used.", "Select a record that has a value"),
        (None, "can be used.", "Select a record that has a value"),
    ],
)
def test_what_the_file_makes_of_the_record(
    qtloop: LoopRunner, schemas: Schemas, file: Path, sample: bytes | None, verdict: str, advice: str
) -> None:
    async def look() -> None:
        async with _opened(schemas, sample) as (dialog, _):
            assert dialog.remove_button.isHidden()
            await until(lambda: dialog.verdict.text() == "No file is chosen yet.")
            dialog.file.line.setText(str(file))
            await until(lambda: dialog.verdict.text() != "No file is chosen yet.")
            assert dialog.verdict.text().endswith(verdict)
            assert advice in dialog.advice.text()

    qtloop.run(look())


def test_a_file_that_cannot_be_used_is_not_saved(qtloop: LoopRunner, schemas: Schemas, file: Path) -> None:
    async def try_to_save() -> None:
        async with _opened(schemas) as (dialog, task):
            problem = dialog.fields["file"].message
            _press(dialog.file.line, Qt.Key.Key_Return)
            await until(lambda: "No file is chosen." in problem.text())
            _write(file, ORDER.replace("\n", ",\n"))
            dialog.file.line.setText(str(file))
            await until(lambda: "line 1 column" in problem.text())
            assert dialog.verdict.text() == "The file cannot be used."
            _press(dialog.topics, Qt.Key.Key_Return)
            await until(lambda: dialog.file.line.hasFocus() and dialog.save_button.isEnabled())
            _write(file, ORDER)  # corrected meanwhile
            _press(dialog.file.line, Qt.Key.Key_Return)
            assert await task

    qtloop.run(try_to_save())
    assert schemas.assignment("orders", Part.VALUE) is not None


def test_topics_that_do_not_fit_are_not_saved(qtloop: LoopRunner, schemas: Schemas, file: Path) -> None:
    async def try_to_save() -> None:
        async with _opened(schemas) as (dialog, task):
            dialog.file.line.setText(str(file))
            dialog.topics.setText("payments*")
            assert "does not fit this topic" in dialog.fields["topics"].message.text()
            dialog.topics.setText("")
            assert "No topic is named." in dialog.fields["topics"].message.text()
            dialog.file.setFocus()
            _press(dialog.file.line, Qt.Key.Key_Return)
            await until(dialog.topics.hasFocus)
            dialog.topics.setText("*")
            assert "stands for any characters" in dialog.fields["topics"].message.text()
            await until(dialog.save_button.isEnabled)
            _press(dialog.topics, Qt.Key.Key_Return)
            assert await task

    qtloop.run(try_to_save())
    assert schemas.assignment("anything", Part.VALUE) is not None


def test_a_disk_that_refuses_is_told(qtloop: LoopRunner, schemas: Schemas, file: Path, tmp_path: Path) -> None:
    (tmp_path / "schemas.json").write_text("[]", "utf-8")

    async def try_to_save() -> None:
        async with _opened(schemas) as (dialog, _):
            dialog.file.line.setText(str(file))
            _press(dialog.file.line, Qt.Key.Key_Return)
            await until(dialog.trouble.text)
            assert "schemas.json" in dialog.trouble.text()

    qtloop.run(try_to_save())
    assert schemas.assignment("orders", Part.VALUE) is None


def test_the_file_is_chosen_in_the_systems_dialog(qtloop: LoopRunner, schemas: Schemas, file: Path) -> None:
    async def choose() -> None:
        async with _opened(schemas) as (dialog, _):
            QTest.mouseClick(dialog.file.button, Qt.MouseButton.LeftButton)
            await until(lambda: dialog.findChild(QFileDialog))
            (chooser,) = dialog.findChildren(QFileDialog)
            assert "*.avsc" in chooser.nameFilters()[0]
            chooser.fileSelected.emit(str(file))
            chooser.reject()
            await until(lambda: "decodes." in dialog.verdict.text())

    qtloop.run(choose())
