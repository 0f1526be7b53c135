"""Renders every view of the program on the running demo to PNG files: the tour, and the pictures of the README."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QDialog, QWidget

from kexplorer.explorer import DEMO, Explorer
from kexplorer.model.produce import Outgoing
from kexplorer.model.search import FilterKind, FilterSpec
from kexplorer.services.catalog import TopicOffsets
from kexplorer.ui.panels.keys import messages_key, overview_key, produce_key, topic_key, topics_key
from kexplorer.ui.panels.messages import MessagesPanel
from kexplorer.ui.panels.overview import OverviewPanel
from kexplorer.ui.panels.produce import ProducePanel
from kexplorer.ui.panels.topic import TopicPanel
from kexplorer.ui.panels.topic_statistics import StatisticsTab
from kexplorer.ui.panels.topics import TopicsPanel
from kexplorer.ui.widgets.value_pane import Mode

_PATIENCE = 60.0  # seconds for a view to fill
_FULL = 120  # records that make a full picture, some of them live
_LOOKS = 4.0  # seconds in which a tab has looked at least twice at what it shows
_SETTLE = 0.3  # seconds for layouts and the last repaint
_DEFAULT, _WIDE = QSize(1280, 800), QSize(1920, 1080)

T = TypeVar("T")


class Tour:
    """`folder` is where the pictures go; their paths are printed."""

    def __init__(self, explorer: Explorer, folder: Path) -> None:
        self._explorer = explorer
        self._window = explorer.window
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def take(self) -> None:
        await self._both("welcome")
        self._explorer.open_demo()
        messages = await _until(lambda: self._panel(MessagesPanel))
        await _until(lambda: messages.received > _FULL)
        messages.select_newest()
        await self._both("messages")
        topics = self._open(TopicsPanel, topics_key(DEMO))
        await _until(lambda: all(_filled(row.offsets) for row in topics.rows()))
        await self._both("topics")
        await self._dialog("create-topic", topics.actions_on.create.trigger)
        await self._cluster()
        letters = self._open(MessagesPanel, messages_key(DEMO, "orders-dlq"))
        await _until(lambda: letters.rows)
        letters.select_newest()
        letters.inspector.tabs.setCurrentIndex(2)
        await self._both("headers")
        orders = self._open(MessagesPanel, messages_key(DEMO, "orders"))
        spec = FilterSpec('value.currency == "EUR" and value.total > 100', FilterKind.EXPRESSION)
        orders.show_query(spec)
        orders.search(spec)
        await _until(lambda: "scanned." in orders.searching.coverage.text)
        orders.view.select(0)
        await self._both("search")
        orders.searching.query.closed.emit()
        for field in ("value.currency", "value.total"):
            orders.view.add_column(field)
        orders.restore_state({**orders.save_state(), "histogram": True})
        await _until(lambda: orders.times.complete)
        await _until(lambda: orders.browsed is not None and orders.browsed[orders.rows - 1])
        orders.select_newest()
        orders.inspector.value.choose(Mode.TREE)
        await self._both("fields")
        await self._dialog("export", orders.export)
        self._window.toggle_log()
        await self._both("log")
        self._window.toggle_log()
        await self._dialog("palette", self._window.show_palette)
        await self._dialog("connection", self._explorer.new_connection)
        await self._dialog("shortcuts", self._window.show_shortcuts)

    async def _cluster(self) -> None:
        """What is administered, and a message to send."""
        overview = self._open(OverviewPanel, overview_key(DEMO))
        await _until(overview.brokers.rowCount)
        await self._both("overview")
        topic = self._open(TopicPanel, topic_key(DEMO, "orders"))
        await asyncio.sleep(_LOOKS)
        await self._both("partitions")
        topic.show_tab("configuration")
        await asyncio.sleep(_LOOKS)
        await self._both("configuration")
        topic.show_tab("consumers")
        await asyncio.sleep(_LOOKS)
        await self._both("consumers")
        topic.show_tab("statistics")
        statistics = topic.current
        if isinstance(statistics, StatisticsTab):
            statistics.start.click()
            await _until(lambda: not statistics.tasks.running("count"))
        await self._both("statistics")
        produce = self._open(ProducePanel, produce_key(DEMO, "orders"))
        produce.compose.editor.show_outgoing(Outgoing("orders", b"C-4711", b'{"total": 12.5, "currency": "EUR"}'))
        await self._both("produce")

    async def _dialog(self, name: str, show: Callable[[], None]) -> None:
        show()
        dialog = await _until(self._shown_dialog)
        await self._both(name, dialog)
        dialog.close()

    def _shown_dialog(self) -> QDialog | None:
        return next((each for each in self._window.findChildren(QDialog) if each.isVisible()), None)

    def _open(self, kind: type[T], key: str) -> T:
        panel = self._window.workspace.open(key)
        if not isinstance(panel, kind):
            raise LookupError(f"there is no panel {key}")
        return panel

    def _panel(self, kind: type[T]) -> T | None:
        current = self._window.workspace.current()
        return current if isinstance(current, kind) else None

    async def _both(self, name: str, dialog: QDialog | None = None) -> None:
        """The view in both themes; the whole window in the default size and on a large screen."""
        for theme in ("light", "dark"):
            self._window.set_theme(theme)
            if dialog is not None:
                await self._save(dialog, f"{name}-{theme}")
                continue
            for size, suffix in ((_DEFAULT, ""), (_WIDE, "-1920")):
                self._window.resize(size)
                await self._save(self._window, f"{name}-{theme}{suffix}")
        self._window.resize(_DEFAULT)

    async def _save(self, widget: QWidget, name: str) -> None:
        await asyncio.sleep(_SETTLE)
        path = self._folder / f"{name}.png"
        if not widget.grab().save(str(path)):
            raise OSError(f"{path} cannot be written")
        print(path)  # noqa: T201


async def _until(found: Callable[[], T | None]) -> T:
    """What `found` returns as soon as it is true."""
    limit = time.monotonic() + _PATIENCE
    while not (answer := found()):
        if time.monotonic() > limit:
            raise TimeoutError("the demo did not fill the view")
        await asyncio.sleep(0.05)
    return answer


def _filled(offsets: TopicOffsets | None) -> bool:
    return offsets is not None and offsets.span > 0 and offsets.rate is not None
