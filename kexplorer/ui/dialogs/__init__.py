"""Dialogs as coroutines: `open()` and a future, never `exec()`, which would stop every other task."""

from __future__ import annotations

import asyncio

from PySide6.QtWidgets import QDialog


async def answer_of(dialog: QDialog) -> bool:
    """Opens `dialog` over its window and waits. True if it was accepted; Escape and a cancelled task mean no. The
    caller deletes the dialog."""
    answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def finish(result: int) -> None:
        if not answered.done():
            answered.set_result(result)

    dialog.finished.connect(finish)
    dialog.open()
    try:
        return await answered == QDialog.DialogCode.Accepted
    finally:
        dialog.close()
