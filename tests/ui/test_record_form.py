"""A record as a form over its JSON."""

from __future__ import annotations

import asyncio
import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from kexplorer.formats.encoding import Encoder
from kexplorer.formats.typed import NotFitting
from kexplorer.model.schemas import PayloadSchema, SchemaFormat, SchemaText
from kexplorer.ui.widgets.field_editors import CheckField, ChoiceField
from kexplorer.ui.widgets.payload_check import verdict
from kexplorer.ui.widgets.payload_forms import Form
from kexplorer.ui.widgets.record_form import FieldLine, RecordForm
from tests.formats.test_form_fields import SCHEMAS

AVRO = SCHEMAS[0]


def _form(qtbot: QtBot, schema: SchemaText = AVRO, text: str | None = None) -> RecordForm:
    encoder = Encoder(PayloadSchema(schema))
    form = RecordForm()
    qtbot.addWidget(form)
    form.resize(900, 700)
    asyncio.run(form.set_fields(encoder.fields()))
    form.show_text(encoder.example() if text is None else text)
    form.show()
    return form


def _line(form: RecordForm, *path: str) -> FieldLine:
    return next(line for line in form.all_lines() if line.path == path)


def _type(line: FieldLine, text: str) -> None:
    assert isinstance(line.editor, QLineEdit)
    line.editor.setFocus()
    line.editor.selectAll()
    QTest.keyClicks(line.editor, text) if text else QTest.keyClick(line.editor, Qt.Key.Key_Delete)


def _keys(text: str) -> None:
    """To what has the focus."""
    focus = QApplication.focusWidget()
    assert focus is not None
    QTest.keyClicks(focus, text)


def _check(form: RecordForm, schema: SchemaText = AVRO) -> str:
    """As the editor around it does once a person paused."""
    encode = Encoder(PayloadSchema(schema)).encode
    found = verdict(form.text, Form.AVRO, filled=False, encode=encode)
    form.mark(found.offset, found.sentence)
    return found.sentence


@pytest.mark.parametrize("schema", SCHEMAS, ids=[schema.format for schema in SCHEMAS])
def test_a_text_that_is_shown_and_typed_again_is_the_same(qtbot: QtBot, schema: SchemaText) -> None:
    form = _form(qtbot, schema)
    before = form.text
    number = 0
    for line in form.all_lines():
        if line.known is None or line.known == "null":
            continue
        if isinstance(line.editor, QLineEdit) and line.editor.text():
            first = line.editor.text()[-1]
            line.editor.setFocus()
            line.editor.end(False)
            QTest.keyClick(line.editor, Qt.Key.Key_Backspace)
            assert form.text != before
            line.editor.insert(first)
            line.editor.textEdited.emit(line.editor.text())
            number += 1
        elif isinstance(line.editor, CheckField):
            line.editor.click()
            assert form.text != before
            line.editor.click()
            number += 1
        elif isinstance(line.editor, ChoiceField):
            line.editor.activated.emit(line.editor.currentIndex())
            number += 1
    assert number >= 3
    assert json.loads(form.text) == json.loads(before)
    assert form.text == before or "[\n" in before  # an array that was typed stands in one line


def test_a_bad_number_shows_its_error_at_the_field(qtbot: QtBot) -> None:
    form = _form(qtbot)
    line = _line(form, "id")
    _type(line, "12x")
    assert json.loads(form.text)["id"] == "12x"
    _check(form)
    assert line.error == "Expected long, an integer, found “12x”."
    assert line.editor is not None
    assert line.editor.property("invalid") is True
    _type(line, str(1 << 63))
    _check(form)
    assert "more than 64 bits" in line.error
    _type(line, "-7")
    assert _check(form).endswith(" B")
    assert line.error == ""
    assert '"id": -7,' in form.text


def test_nested_and_nullable_fields(qtbot: QtBot) -> None:
    form = _form(qtbot)
    note, place = _line(form, "note"), _line(form, "from")
    assert note.null is not None
    assert place.null is not None
    _type(_line(form, "to", "zip"), "1010")
    _type(note, "soon")
    note.null.click()
    assert json.loads(form.text)["note"] is None
    assert isinstance(note.editor, QLineEdit)
    assert (note.editor.text(), note.editor.placeholderText()) == ("", "null")
    _type(note, "x")
    assert not note.null.isChecked()
    if not place.null.isChecked():
        place.null.click()
    zip_code = _line(form, "from", "zip")
    assert zip_code.first.isHidden()
    place.null.click()
    assert not zip_code.first.isHidden()
    _check(form)
    assert "“zip” is missing" in place.error
    _type(zip_code, "8000")
    state = _line(form, "from", "state").editor
    assert isinstance(state, ChoiceField)
    state.setCurrentIndex(1)
    state.activated.emit(1)
    assert _check(form).endswith(" B")
    found = json.loads(form.text)
    assert (found["to"]["zip"], found["note"], found["from"]) == ("1010", "x", {"zip": "8000", "state": "SENT"})


def test_what_may_be_left_out_is_left_out_and_shows_its_default(qtbot: QtBot) -> None:
    form = _form(qtbot)
    paid = _line(form, "paid")
    assert _line(form, "id").leave is None
    assert paid.leave is not None
    assert not paid.leave.isHidden()
    paid.leave.click()
    assert "paid" not in json.loads(form.text)
    assert isinstance(paid.editor, CheckField)
    assert paid.editor.text() == "Default: true"
    assert paid.leave.isHidden()
    paid.editor.click()
    assert json.loads(form.text)["paid"] is True


def test_what_is_no_json_is_not_replaced_by_what_was_there(qtbot: QtBot) -> None:
    form = _form(qtbot)
    lines = _line(form, "lines")
    _type(lines, "[1, 2")
    assert "It is no JSON" in lines.error
    with pytest.raises(json.JSONDecodeError):
        json.loads(form.text)
    _type(_line(form, "id"), "5")
    assert '"id": 5' in form.text
    assert "[1, 2\n" in form.text.replace(",\n", "\n")
    _type(lines, "[1, 2]")
    assert lines.error == ""
    assert json.loads(form.text)["lines"] == [1, 2]


def test_what_the_form_cannot_show_stays(qtbot: QtBot) -> None:
    text = '{"id": 1.0, "more" : [1.10 ,{}], "note": "two\\nlines", "to": 7, "state": "LOST"}'
    form = _form(qtbot, text=text)
    note = _line(form, "note").editor
    assert isinstance(note, QLineEdit)
    assert note.text() == '"two\\nlines"'
    state = _line(form, "state").editor
    assert isinstance(state, ChoiceField)
    assert (state.currentIndex(), state.placeholderText()) == (-1, '"LOST"')
    _type(_line(form, "id"), "2")
    assert form.text == text.replace("1.0,", "2,")
    for wrong in ("[1]", "{", '"x"'):
        with pytest.raises(NotFitting):
            form.show_text(wrong)
    assert form.text == text.replace("1.0,", "2,")


def test_alt_and_a_letter_of_its_name_lead_to_a_field(qtbot: QtBot) -> None:
    form = _form(qtbot)
    form.activateWindow()
    qtbot.waitUntil(form.isActiveWindow)
    reached = []
    for label in form.findChildren(QLabel):
        name, cut, after = label.text().partition("&")
        if cut and label.isVisible():
            key = Qt.Key(ord(after[0].upper()))
            QTest.keyClick(form, key, Qt.KeyboardModifier.AltModifier)
            line = next(line for line in form.all_lines() if line.editor is QApplication.focusWidget())
            assert f"{name}{after}".removesuffix(" *") == line.name
            reached.append(key)
    assert len(reached) >= 5
    assert len(set(reached)) == len(reached)
    assert not {Qt.Key.Key_F, Qt.Key.Key_C, Qt.Key.Key_V, Qt.Key.Key_P, Qt.Key.Key_H}.intersection(reached)


def test_an_ampersand_in_a_name_is_shown(qtbot: QtBot) -> None:
    schema = SchemaText(SchemaFormat.JSON, json.dumps({"type": "object", "properties": {"a&b": {"type": "string"}}}))
    form = _form(qtbot, schema, "{}")
    assert [label.text() for label in form.findChildren(QLabel) if label.buddy()] == ["&a&&b"]


def test_it_is_filled_in_by_the_keyboard_from_nothing(qtbot: QtBot) -> None:
    form = _form(qtbot, SCHEMAS[1], "")
    form.activateWindow()
    form.setFocus()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is form.lines[0].editor)
    _keys("42")
    at = _line(form, "at").editor
    for _ in range(5):
        if QApplication.focusWidget() is not at:
            _keys("\t")
    _keys("2026-01-01T00:00:00Z")
    _type(_line(form, "to", "lat"), "1.50")
    assert form.text == '{\n  "order_id": 42,\n  "at": "2026-01-01T00:00:00Z",\n  "to": {\n    "lat": 1.50\n  }\n}'
    assert Encoder(PayloadSchema(SCHEMAS[1])).encode(form.text)
    _type(_line(form, "to", "lat"), "")
    assert '"lat"' not in form.text


def test_fields_by_their_other_name_are_the_same(qtbot: QtBot) -> None:
    form = _form(qtbot, SCHEMAS[1], '{"orderId": 1}')
    _type(form.lines[0], "2")
    assert form.text == '{"orderId": 2}'
