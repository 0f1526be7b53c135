"""Renders every view of the program on the running demo to PNG files: the tour, and the pictures of the README."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QDialog, QWidget

from kexplorer.ui.panels.messages import MessagesPanel
from kexplorer.ui.panels.topics import TopicsPanel

if TYPE_CHECKING:
    from kexplorer.explorer import Explorer

_PATIENCE = 30.0  # seconds for a view to fill
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
        topics = await _until(lambda: self._panel(TopicsPanel))
        await _until(lambda: topics.complete)
        await self._both("topics")
        self._explorer.open_topic(topics.profile, "orders")
        messages = await _until(lambda: self._panel(MessagesPanel))
        await _until(lambda: messages.rows)
        messages.follow()
        messages.select_newest()
        await asyncio.sleep(2)
        await self._both("messages")
        self._explorer.open_topic(topics.profile, "orders-dlq")
        letters = await _until(lambda: self._panel(MessagesPanel))
        await _until(lambda: letters.rows)
        letters.select_newest()
        letters.show_headers() if hasattr(letters,"show_headers") else None
        await self._both("headers")
        self._window.toggle_log()
        await self._both("log")
        self._window.toggle_log()
        self._window.show_palette()
        await self._both("palette", self._top)
        self._top().close()
        self._explorer.new_connection()
        await _until(lambda: self._top() is not self._window)
        await self._both("connection", self._top)
        self._top().close()

    def _panel(self, kind: type[T]) -> T | None:
        current = self._window.workspace.current()
        return current if isinstance(current, kind) else None

    def _top(self) -> QWidget:
        """The dialog over the window, else the window."""
        dialogs = [each for each in self._window.findChildren(QDialog) if each.isVisible()]
        return dialogs[-1] if dialogs else self._window

    async def _both(self, name: str, what: Callable[[], QWidget] | None = None) -> None:
        """The view in both themes, in the default size and, for whole windows, on a large screen."""
        for theme in ("light", "dark"):
            self._window.set_theme(theme)
            if what is not None:
                await self._save(what(), f"{name}-{theme}")
                continue
            for size, suffix in ((_DEFAULT, ""), (_WIDE, "-1920")):
                self._window.resize(size)
                await self._save(self._window, f"{name}-{theme}{suffix}")
        self._window.resize(_DEFAULT)
        self._window.set_theme("light")

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
