"""Resuming a replay, which is asked about as its start was."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QWidget

from kexplorer.model.produce import refuse_writing
from kexplorer.ui.dialogs.confirm import confirm
from kexplorer.ui.panels.replay_watch import Replays


async def resume(parent: QWidget, replays: Replays, path: Path) -> None:
    """Into production once its name was typed. Raises `Failure` for a target that is read-only by now."""
    plan = (await replays.folder.one(path)).meant
    target = replays.target_of(plan) if plan else None
    if plan and target:
        refuse_writing(target)
        names = ", ".join(sorted(set(plan.target.topics.values())))
        text = f"{plan.job} goes on behind what it has written to {names} of {target.name}."
        if target.production and not await confirm(
            parent, "Resume this replay?", text, "Resume", danger=True, type_name=target.name
        ):
            return
    replays.start(path)
