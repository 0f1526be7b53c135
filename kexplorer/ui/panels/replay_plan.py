"""A replay before it begins: its plan is written, looked at without writing anything, and started."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QKeySequence, QShowEvent
from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout

from kexplorer.model.failure import Failure
from kexplorer.model.produce import refuse_writing
from kexplorer.model.profile import Profile
from kexplorer.model.replay import Place, Plan
from kexplorer.services.replay_drafts import plan_text, read_draft, was_run, write_draft
from kexplorer.services.replay_plan import LOOKED_AT, DryRun, dry_run, place_of, resolve_plan
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.confirm import confirm
from kexplorer.ui.icons import icon
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import section_key
from kexplorer.ui.panels.replay_plan_clusters import Lacking, PlanClusters
from kexplorer.ui.panels.replay_plan_dry_run import DryRunView
from kexplorer.ui.panels.replay_plan_editor import PlanEditor, empty_plan
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.error_strip import ErrorStrip

_FILES = "Plans (*.toml);;All files (*)"
_SETTLE = 0.4  # seconds in which a topic is typed
_MOST_KEPT = 100_000  # characters of a plan in the saved layout


class PlanPanel(Panel):
    """`open_session` connects to `profile`, where a new plan begins; `session_of` to one of `profiles` by its name. New
    plans are saved in `folder`. `lacking` as PlanClusters has it. `start_wanted` with the saved plan, once a person has
    confirmed what a dry run of it found."""

    start_wanted = Signal(object)  # Path

    def __init__(
        self,
        profile: Profile,
        open_session: Callable[[], Awaitable[Session]],
        profiles: Callable[[], Sequence[Profile]],
        session_of: Callable[[str], Awaitable[Session]],
        folder: Path,
        lacking: Lacking,
        plan: Plan | Path | None = None,
    ) -> None:
        super().__init__(section_key(profile.name, "replay"), "Replay", "replay", profile.name, profile.colour)
        self._clusters = PlanClusters(profile, open_session, profiles, session_of, lacking)
        self._here, self._folder = place_of(profile), folder
        self.path: Path | None = None
        self._job, self._unsaved = "", False  # the job that the file is of
        self._looked_at: Plan | None = None  # by the last dry run
        self._known_places: tuple[Place, Place] | None = None  # whose topics are offered
        self._learnt: tuple[Place, tuple[str, ...]] | None = None  # whose fields are offered
        self.strip = ErrorStrip(self, can_retry=False)
        self.editor = PlanEditor(self._clusters.connections(), empty_plan(self._here))
        self.dry_view = DryRunView()
        self.editor.addTab(self.dry_view, "Dry run")
        self._build_actions()
        self._lay_out()
        self.editor.changed.connect(self._edited)
        self.editor.places_changed.connect(self._ask_clusters)
        self.dry_view.wanted.connect(self.look)
        self.dry_view.cancelled.connect(self.cancel)
        self.dry_view.change_wanted.connect(lambda: self.editor.setCurrentIndex(0))
        if isinstance(plan, Plan):
            self.show_plan(plan)
        elif plan is not None:
            self.open_plan(plan)
        self._ask_clusters()
        self._changed()

    def _build_actions(self) -> None:
        self._new = self._action("plus", "New plan", "Ctrl+Alt+N", self.begin)
        self._open = self._action("upload", "Open plan…", "Ctrl+Alt+O", self._ask_open)
        self._save = self._action("save", "Save plan", "Ctrl+S", self.save)
        self._save_as = self._action("duplicate", "Save plan as…", "Ctrl+Alt+S", self._ask_save)
        self._look = self._action("eye", "Dry run", "Ctrl+Return", self.look)
        self._start = self._action("play", "Start the replay…", "Ctrl+Shift+Return", self.start)

    def _action(self, icon_name: str, text: str, keys: str, run: Callable[[], None]) -> QAction:
        action = QAction(icon(icon_name), text, self, shortcut=QKeySequence(keys))
        action.setAutoRepeat(False)
        action.triggered.connect(lambda _: run())
        return action

    def _lay_out(self) -> None:
        self.told = ElidedLabel()
        self.told.setProperty("role", "muted")
        self.whole = QCheckBox("Look at every record")
        self.whole.setToolTip("Exact counts and no surprise, in the time that reading all of them takes")
        self.look_button, self.start_button = QPushButton("Dry run"), QPushButton("Start…")
        self.look_button.setToolTip("Says what the plan would do, and writes nothing (Ctrl+Return)")
        self.look_button.clicked.connect(self._look.trigger)
        self.start_button.clicked.connect(self._start.trigger)
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 8, 12, 8)
        bar.setSpacing(8)
        for action in (self._new, self._open, self._save, self._save_as):
            button = QPushButton(action.icon(), action.text().removesuffix("…").replace(" plan", ""))
            button.setToolTip(f"{action.text()} ({action.shortcut().toString()})")
            button.clicked.connect(action.trigger)
            bar.addWidget(button)
        bar.addWidget(self.told, 1)
        for widget in (self.whole, self.look_button, self.start_button):
            bar.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(self.strip)
        column.addWidget(self.editor, 1)
        self.setFocusProxy(self.editor)

    # plans and files

    @property
    def plan(self) -> Plan:
        return self.editor.plan

    def begin(self) -> None:
        """An empty one."""
        empty = plan_text(empty_plan(self._here))
        self._replace(lambda: self._take(None, empty, unsaved=False))

    def show_plan(self, plan: Plan) -> None:
        """One that was prepared elsewhere and is in no file yet."""
        self._replace(lambda: self._take(None, plan_text(plan), unsaved=True))

    def open_plan(self, path: Path) -> None:
        self._replace(lambda: self.tasks.start("file", self._load(path)))

    def save(self) -> None:
        self.tasks.start("file", self._save_to(self.path))

    async def _load(self, path: Path) -> None:
        self._take(path, await read_draft(path), unsaved=False)
        self.say(f"Opened {path}.")

    async def _save_to(self, path: Path | None) -> None:
        self.say(f"Saved {await self._write(path)}.")

    async def _write(self, path: Path | None) -> Path:
        """Without a path: into the folder of plans, by the job's name."""
        self.editor.name_job()
        text, job = self.editor.text, self.editor.plan.job
        folder = path.parent if path else self._folder
        if path and path == self.path and job != self._job and await was_run(path):
            path = None  # another job needs another file
        where = path or folder / f"{re.sub(r'[^a-zA-Z0-9._-]', '-', job)}.toml"
        await write_draft(where, text, new=path is None)
        self.path, self._job, self._unsaved = where, job, self.editor.text != text
        self._changed()
        return where

    def _take(self, path: Path | None, text: str, *, unsaved: bool) -> None:
        self.tasks.cancel("look")
        self.path, self._looked_at = path, None
        self.strip.clear()
        self.dry_view.clear()
        self.editor.setCurrentIndex(0)
        self.editor.show_text(text)
        self._job, self._unsaved = self.editor.plan.job, unsaved
        self._changed()

    def _replace(self, take: Callable[[], None]) -> None:
        """Asks where something would be lost."""

        async def ask() -> None:
            if await confirm(self, "Leave this plan?", self.why_stay(), "Leave it", danger=True):
                take()

        if self._unsaved:
            self.tasks.start("ask", ask())
        else:
            take()

    def _ask_open(self) -> None:
        self._ask_file(QFileDialog.AcceptMode.AcceptOpen, self.open_plan)

    def _ask_save(self) -> None:
        def save(path: Path) -> None:
            self.tasks.start("file", self._save_to(path))

        self._ask_file(QFileDialog.AcceptMode.AcceptSave, save)

    def _ask_file(self, mode: QFileDialog.AcceptMode, take: Callable[[Path], None]) -> None:
        dialog = QFileDialog(self, "Plan of a replay", str(self.path or self._folder), _FILES)
        dialog.setAcceptMode(mode)
        dialog.setDefaultSuffix("toml")
        dialog.fileSelected.connect(lambda path: take(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    # clusters

    def _ask_clusters(self) -> None:
        self.tasks.start("topics", self._offer_topics())
        self.tasks.start("fields", self._offer_fields())

    async def _offer_topics(self) -> None:
        plan = self.editor.plan
        places = (plan.source.cluster, plan.target.cluster)
        if places == self._known_places:
            return
        self.editor.set_topics(None, None)
        source = await self._clusters.topics(places[0])
        target = source if places[1] == places[0] else await self._clusters.topics(places[1])
        self.editor.set_topics(source, target)
        self._known_places = places

    async def _offer_fields(self) -> None:
        await asyncio.sleep(_SETTLE)
        source = self.editor.plan.source
        if (source.cluster, source.topics) != self._learnt and (known := await self._clusters.fields(source)):
            self._learnt = source.cluster, source.topics
            self.editor.set_known(known)

    # the dry run and the start

    def look(self) -> None:
        """Once more, where one goes on."""
        self.strip.clear()
        if failure := self.editor.check():
            self.strip.show_failure(failure)
            return
        self.editor.setCurrentWidget(self.dry_view)
        self.tasks.start("look", self._look_at(self.editor.plan))

    def cancel(self) -> None:
        self.tasks.cancel("look")
        self.dry_view.clear()
        self.say("The dry run was cancelled.")

    async def _look_at(self, plan: Plan) -> None:
        self._looked_at = None
        self.dry_view.begin()
        self._changed()
        try:
            found = await self._found(plan)
        except Failure as failure:
            self.dry_view.show_refusal(failure)
            self.say("The plan is refused.")
            return
        self._looked_at = plan
        self.dry_view.show_found(found)
        self._changed()
        self.say("The dry run is done. Nothing was written.")

    async def _found(self, plan: Plan) -> DryRun:
        source = (await self._clusters.session(plan.source.cluster)).cluster
        target = (await self._clusters.session(plan.target.cluster)).cluster
        run = await resolve_plan(plan, source, target)
        notes = await self._clusters.check_logins(run)
        span = sum((each.end or 0) - each.start for each in run.ranges)
        whole = self.whole.isChecked()
        self.dry_view.expect(span if whole else min(span, LOOKED_AT))
        found = await dry_run(run, source, target, whole=whole, tell=self.dry_view.tell)
        found.warnings += notes
        return found

    def start(self) -> None:
        if self.can_start:
            self.tasks.start("start", self._begin())

    @property
    def can_start(self) -> bool:
        """Whether the plan is the very one that the dry run looked at."""
        editor = self.editor
        readable = editor.failure is None and not editor.pending
        return readable and self._looked_at is not None and editor.plan == self._looked_at

    async def _begin(self) -> None:
        plan = self.editor.plan
        profile = (await self._clusters.session(plan.target.cluster)).cluster.profile
        refuse_writing(profile)
        names = ", ".join(sorted(set(plan.target.topics.values())))
        since = " So do the records that came since then." if plan.source.end in ("end", "now") else ""
        text = f"{self.dry_view.summary.text()}, go to {names} of {profile.name}.{since}"
        typed = profile.name if profile.production else None
        if not await confirm(self, "Start this replay?", text, "Start", danger=profile.production, type_name=typed):
            return
        if plan != self._looked_at or not self.can_start:  # meanwhile
            return
        path = await self._write(self.path)
        self._looked_at = None  # it cannot be started twice
        self._changed()
        self.start_wanted.emit(path)

    def _edited(self) -> None:
        self._unsaved = True
        self.strip.clear_typed()
        self._changed()

    def _changed(self) -> None:
        """What can be done now, and what is next."""
        name = str(self.path or "New plan")
        self.told.show_text(f"{name}, not saved" if self._unsaved else name)
        self._start.setEnabled(self.can_start)
        self.start_button.setEnabled(self.can_start)
        again = "" if self.can_start else "A dry run of this very plan comes first"
        self.start_button.setToolTip(again or "Asks before it begins (Ctrl+Shift+Return)")
        for button, primary in ((self.look_button, not self.can_start), (self.start_button, self.can_start)):
            _set_primary(button, primary)
        stale = self._looked_at is not None and not self.can_start
        self.editor.setTabText(self.editor.indexOf(self.dry_view), "Dry run, of another plan" if stale else "Dry run")
        job = self.editor.plan.job
        self.set_title(f"Replay {job}" if job else "Replay")

    # Panel

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.editor.form.places.offer(self._clusters.connections())

    def panel_actions(self) -> Sequence[QAction]:
        return (self._new, self._open, self._save, self._save_as, self._look, self._start)

    def set_zone(self, zone: tzinfo) -> None:
        self.dry_view.set_zone(zone)

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)

    def why_stay(self) -> str:
        return "This plan is not saved: what was written is lost." if self._unsaved else ""

    def save_state(self) -> dict[str, object]:
        """The text of a large plan is in its file alone."""
        text = self.editor.text
        return {"path": str(self.path or ""), "text": text if len(text) < _MOST_KEPT else "", "unsaved": self._unsaved}

    def restore_state(self, state: Mapping[str, object]) -> None:
        match state:
            case {"path": str(path), "text": str(text), "unsaved": bool(unsaved)} if text:
                self._take(Path(path) if path else None, text, unsaved=unsaved)


def _set_primary(button: QPushButton, on: bool) -> None:
    wanted = "primary" if on else ""
    if button.property("kind") != wanted:
        button.setProperty("kind", wanted)
        button.style().unpolish(button)
        button.style().polish(button)
