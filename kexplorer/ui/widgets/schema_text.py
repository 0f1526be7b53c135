"""The text of a schema, to be read."""

from __future__ import annotations

import asyncio

from kexplorer.formats import json_text
from kexplorer.model.schemas import SchemaFormat, SchemaText
from kexplorer.ui.widgets.code_view import CodeView
from kexplorer.ui.widgets.text_rows import TextRows, blocks_of_lines, blocks_of_text


class SchemaTextView(CodeView):
    async def show_schema(self, schema: SchemaText) -> None:
        """Laid out where it is JSON."""
        is_json = schema.format is not SchemaFormat.PROTOBUF
        text = schema.text if isinstance(schema.text, str) else "It is a compiled schema, which has no text."
        rows = TextRows(blocks_of_lines(json_text.pretty_lines(text)) if is_json else blocks_of_text(text))
        rows.read()
        self.show_rows(rows, json=is_json)
        while not rows.complete:
            await asyncio.sleep(0)
            rows.read()
            self.rows_added()
