"""What can be done with dead letters: sent again, one or many, shown where they came from, and marked as done."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from kexplorer.formats.numbers import count
from kexplorer.formats.text import visible
from kexplorer.model.dead_letters import DeadLetter, DeadLetterStore
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.services.dead_letters import Part, record_at, redrive_plan, to_resend
from kexplorer.services.sessions import Session
from kexplorer.ui.icons import icon
from kexplorer.ui.models.dead_letters import place_of
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.dead_letters_view import LettersView


class LetterActions(QObject):
    """Of the letters that are selected in `view`, shown in it, or the current one. `marked` when others are done."""

    plan_wanted = Signal(object)
    resend_wanted = Signal(object, str)
    message_wanted = Signal(str, int, object)
    marked = Signal()

    def __init__(
        self,
        panel: Panel,
        view: LettersView,
        profile: Profile,
        open_session: Callable[[], Awaitable[Session]],
        store: DeadLetterStore,
    ) -> None:
        super().__init__(panel)
        self._panel, self._view, self._profile = panel, view, profile
        self._open_session, self._store = open_session, store
        self._part: Part | None = None
        self._added: tuple[str, ...] = ()
        self._current: DeadLetter | None = None
        self.redrive = self._action(
            "replay", "Send the selected letters again…", "Ctrl+Shift+R", self._redrive_selected
        )
        self.redrive_all = self._action("replay", "Send all shown letters again…", "Ctrl+Shift+X", self._redrive_shown)
        self.resend = self._action("edit", "Edit and resend…", "Ctrl+Alt+B", partial(self._start, self._resend))
        self.mark = self._action("check", "Mark as done", "Ctrl+Shift+V", partial(self._start, self._mark))
        self.original = self._action("message", "Show the original record", "Ctrl+Shift+P", self._show_original)
        view.table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        view.table.addActions([self.redrive, self.resend, self.original, self.mark])
        view.current_changed.connect(self._take_current)
        view.selection_changed.connect(self._offer)
        self._offer()

    def all(self) -> Sequence[QAction]:
        return (self.redrive, self.redrive_all, self.resend, self.mark, self.original)

    def use(self, part: Part, added: tuple[str, ...]) -> None:
        """`part` is what the view shows letters of, `added` are headers that go when one of them is sent again."""
        self._part, self._added = part, added

    def _action(self, icon_name: str, text: str, keys: str, run: Callable[[], None]) -> QAction:
        action = QAction(icon(icon_name), text, self._panel, shortcut=QKeySequence(keys))
        action.triggered.connect(lambda _: run())
        return action

    def _start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._panel.tasks.start("change", work())

    def _take_current(self, letter: DeadLetter | None) -> None:
        self._current = letter
        self._offer()

    def _offer(self) -> None:
        chosen = self._view.selected()
        self.redrive.setEnabled(bool(chosen))
        self.redrive_all.setEnabled(self._view.letters.rowCount() > 0)
        self.mark.setEnabled(bool(chosen))
        self.mark.setText("Mark as not done" if self._all_done(chosen) else "Mark as done")
        self.resend.setEnabled(self._current is not None)
        self.original.setEnabled(self._current is not None and _has_place(self._current))

    def _all_done(self, chosen: Collection[DeadLetter]) -> bool:
        return bool(chosen) and all(map(self._view.letters.is_done, chosen))

    # one letter

    def _show_original(self) -> None:
        if self._current is not None:
            self.message_wanted.emit(*self._current.origin[:3])

    async def _resend(self) -> None:
        letter = self._current
        if letter is not None:
            session = await self._open_session()
            record = await record_at(session.cluster, letter.source, letter.offset)
            target = letter.origin.topic or letter.source.topic
            self.resend_wanted.emit(to_resend(record, target, self._added), target)

    # many of them

    async def _mark(self) -> None:
        chosen, part = self._view.selected(), self._part
        if part is not None:
            done, places = not self._all_done(chosen), [place_of(each) for each in chosen]
            await (self._store.mark if done else self._store.unmark)(part.cluster, part.topic_id, places)
            self._view.set_done(places, done)
            self.marked.emit()

    def _redrive_selected(self) -> None:
        self._redrive(self._view.selected())

    def _redrive_shown(self) -> None:
        self._redrive(self._view.letters.shown())

    def _redrive(self, chosen: Collection[DeadLetter]) -> None:
        """To where they came from: a plan has one target, so letters of several topics are asked about."""
        left = [each for each in chosen if not self._view.letters.is_done(each)]
        origins = Counter(each.origin.topic for each in left if each.origin.topic)
        if not left:
            self._refuse("These letters are done.", "Mark them as not done to send them again.")
        elif not origins:
            why = "These letters don't tell which topic they came from."
            self._refuse(why, 'Name it in the rule of this topic, such as "orders".')
        elif len(origins) == 1:
            self._plan(left, next(iter(origins)))
        else:
            menu = QMenu(self._panel)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            for topic, number in origins.most_common():
                text = f"{count(number)} to {visible(topic)}".replace("&", "&&")
                menu.addAction(text).triggered.connect(partial(self._plan, left, topic))
            menu.popup(self._panel.mapToGlobal(self._panel.rect().center()))

    def _plan(self, left: Collection[DeadLetter], target: str, *_: object) -> None:
        chosen = [each for each in left if each.origin.topic == target]
        self.plan_wanted.emit(redrive_plan(self._profile, chosen, target, self._added, time.time_ns() // 1_000_000))
        if others := len(left) - len(chosen):
            self._panel.say(f"The plan has {count(len(chosen))} letters; {count(others)} did not come from {target}.")

    def _refuse(self, text: str, hint: str) -> None:
        self._panel.show_failure(Failure(FailureKind.REFUSED, text, hint))


def _has_place(letter: DeadLetter) -> bool:
    """Whether it is told which record of this cluster failed."""
    origin = letter.origin
    return bool(origin.topic and not origin.cluster) and None not in (origin.partition, origin.offset)
