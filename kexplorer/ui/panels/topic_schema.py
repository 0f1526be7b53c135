"""The schemas of a topic: what a registry has under the names that serializers give by default, and assigned files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import PurePath

from PySide6.QtWidgets import QComboBox, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from kexplorer.formats import json_text
from kexplorer.model.schemas import Part, SchemaFormat, SubjectVersion
from kexplorer.services.schemas import Schemas
from kexplorer.ui.panels.topic_tab import TopicOf, TopicTab
from kexplorer.ui.widgets.code_view import CodeView
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.text_rows import TextRows, blocks_of_lines, blocks_of_text

_PARTS = (Part.VALUE, Part.KEY)
_ASSIGN = "Assign a schema file …"


class SchemaTab(TopicTab):
    """Subjects are named as TopicNameStrategy does: "orders-key" and "orders-value"."""

    def __init__(self, topic: TopicOf) -> None:
        super().__init__(topic)
        self._found: dict[int, SubjectVersion] = {}
        self._level = ""  # of compatibility
        self.part = QComboBox()
        self.part.addItems([f"{part.value.capitalize()}s" for part in _PARTS])
        self.part.setAccessibleName("Keys or values")
        self.version = QComboBox()
        self.version.setAccessibleName("Version")
        self.about = plain_label("", role="muted")
        self.assigned = plain_label("", wrap=True, selectable=True)
        self.assigned.setContentsMargins(12, 0, 12, 8)
        assign = QPushButton(_ASSIGN)
        self.text = CodeView()
        self.add_bar([self.part, self.version, self.about], [assign])
        self.column.addWidget(self.assigned)
        self._pages = QStackedWidget()
        self._empty = EmptyState("schema", "")
        self._pages.addWidget(self._empty)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.text)
        self._pages.addWidget(page)
        self.column.addWidget(self._pages, 1)
        self.part.activated.connect(lambda _: self.reload())
        self.version.activated.connect(self._choose)
        assign.clicked.connect(self._start_assign)
        self._empty.action_requested.connect(self._start_assign)
        self.setFocusProxy(self.part)
        self._say("Looking for schemas …", "", "")

    @property
    def told(self) -> str:
        """What is said in place of a schema; "" where there is one."""
        return "" if self._pages.currentIndex() else self._empty.text

    @property
    def subject(self) -> str:
        return f"{self.topic.name}-{self._part.value}"

    @property
    def _part(self) -> Part:
        return _PARTS[self.part.currentIndex()]

    def save_state(self) -> dict[str, object]:
        return {"part": self._part.value}

    def restore_state(self, state: Mapping[str, object]) -> None:
        if state.get("part") in list(_PARTS):
            self.part.setCurrentIndex(_PARTS.index(Part(str(state["part"]))))

    def reload(self) -> None:
        self.strip.clear()
        self.tasks.cancel("version")
        self.tasks.start("read", self._read())

    def _choose(self) -> None:
        self.strip.clear()
        self.tasks.cancel("read")
        self.tasks.start("version", self._read_version())

    async def _read(self) -> None:
        schemas = (await self.topic.open_session()).schemas
        self._found.clear()
        self.version.clear()
        self.version.hide()
        self.about.setText("")
        self._show_assigned(schemas)
        if schemas is None or not self.topic.profile.registry_url:
            cause = "Enter the address of one in the connection, or choose a file that has the schema."
            self._say(f"{self.topic.profile.name} has no Schema Registry.", cause, _ASSIGN)
            return
        self._say(f"Asking the registry for {self.subject} …", "", "")
        versions, self._level = await asyncio.gather(
            schemas.versions(self.subject), schemas.compatibility(self.subject)
        )
        if not versions:
            cause = "Records may name their schema by another strategy: select one in Messages to see which it has."
            self._say(f"The registry has no subject {self.subject}.", cause, _ASSIGN)
            return
        for number in sorted(versions, reverse=True):
            self.version.addItem(f"Version {number}{', the newest' if number == max(versions) else ''}", number)
        self.version.show()
        await self._read_version()

    async def _read_version(self) -> None:
        schemas, number = (await self.topic.open_session()).schemas, self.version.currentData()
        if schemas is None or number is None:
            return
        if number not in self._found:
            self._found[number] = await schemas.version(self.subject, number)
        await self._show_version(self._found[number])

    async def _show_version(self, found: SubjectVersion) -> None:
        facts = [found.subject, found.format.value, f"id {found.id}"]
        facts += [f"compatibility {self._level}"] if self._level else []
        facts += [f"refers to {', '.join(f'{name} {n}' for name, n in found.references)}"] if found.references else []
        self.about.setText(" · ".join(facts))
        is_json = found.format is not SchemaFormat.PROTOBUF
        blocks = blocks_of_lines(json_text.pretty_lines(found.text)) if is_json else blocks_of_text(found.text)
        rows = TextRows(blocks)
        rows.read()
        self.text.show_rows(rows, json=is_json)
        self._pages.setCurrentIndex(1)
        while not rows.complete:
            await asyncio.sleep(0)
            rows.read()
            self.text.rows_added()

    def _show_assigned(self, schemas: Schemas | None) -> None:
        given = schemas.assignment(self.topic.name, self._part) if schemas else None
        self.assigned.setVisible(given is not None)
        if given:
            kind = f"{given.format.value}, {given.type_name}" if given.type_name else given.format.value
            words = f"{self._part.value.capitalize()}s are decoded by {PurePath(given.file).name} ({kind})"
            self.assigned.setText(f"{words}, which comes before the registry. {given.file}")

    def _say(self, sentence: str, cause: str, action: str) -> None:
        self._empty.tell("schema", sentence, cause, action)
        self._pages.setCurrentIndex(0)

    def _start_assign(self) -> None:
        self.tasks.start("assign", self._assign())

    async def _assign(self) -> None:
        from kexplorer.ui.dialogs.assign_schema import assign_schema  # noqa: PLC0415  (a tab needs no dialog)

        schemas = (await self.topic.open_session()).schemas
        if schemas and await assign_schema(self, schemas, self.topic.name, self._part, None):
            self.reload()
