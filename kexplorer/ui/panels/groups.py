"""The consumer groups of a cluster: names at once, lag, verdicts and members as they come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import tzinfo

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication, QHideEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout

from kexplorer.formats.numbers import count
from kexplorer.model.failure import Failure
from kexplorer.model.groups import Groups
from kexplorer.model.offset_snapshots import OffsetSnapshots
from kexplorer.model.profile import Profile
from kexplorer.services.sessions import Session
from kexplorer.ui.icons import icon
from kexplorer.ui.models.groups import TREND, GroupRow, GroupsModel
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.group_actions import GroupActions
from kexplorer.ui.panels.groups_look import GroupsLook
from kexplorer.ui.panels.keys import groups_key
from kexplorer.ui.topic_filter import SYNTAX, topic_filter
from kexplorer.ui.widgets.action_button import action_button
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.filter_box import FilterBox
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.notice_strip import NoticeStrip
from kexplorer.ui.widgets.rows_table import RowsTable, rows_in_sight
from kexplorer.ui.widgets.sparkline import SparklineDelegate


class GroupsPanel(Panel):
    """`open_session` connects when that is needed; `wanted` opens the panel of a group. Rows that are seen are watched,
    the others looked at seldom, and nothing is asked while the panel is hidden."""

    def __init__(
        self,
        profile: Profile,
        open_session: Callable[[], Awaitable[Session]],
        wanted: Callable[[str], None],
        snapshots: OffsetSnapshots,
    ) -> None:
        super().__init__(groups_key(profile.name), "Groups", "group", profile.name, profile.colour)
        self._open_session = open_session
        self._wanted = wanted
        self._listed: Groups | None = None
        self._trouble: Failure | None = None  # of the last look
        self.model = GroupsModel(self)
        self._look = GroupsLook(self.model, self.tasks, self._seen, self._take_list, self._take_look)
        self.actions_on = GroupActions(
            self, profile, self.tasks, open_session, self._selected, self._refresh_now, snapshots
        )
        self._build()
        self.actions_on.look()
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._offer())
        self.model.layoutChanged.connect(lambda *_: self._offer())  # a row that goes takes its selection along unsaid
        self._offer()
        self.tasks.start("load", self._load())

    def _build(self) -> None:
        self._count = plain_label("", role="muted")
        self.filter = FilterBox("Filter groups: text, /regex/ or ~letters")
        self.filter.setToolTip(SYNTAX)
        self.filter.filter_changed.connect(self._filter_changed)
        self.filter.left.connect(self._enter_table)
        self._open = self._action("external", "Open group", "Ctrl+I", self._open_selected)
        self._refresh = self._action("refresh", "Refresh groups", "Ctrl+R", self._refresh_now)
        self._find = self._action("filter", "Filter groups", "Ctrl+F", self.filter.setFocus)
        self._copy = self._action("copy", "Copy name", "Ctrl+Shift+C", self._copy_names)
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 8, 12, 8)
        bar.setSpacing(8)
        bar.addWidget(self.filter, 1)
        bar.addWidget(self._count)
        bar.addWidget(action_button(self.actions_on.create, "Create group"))
        bar.addWidget(action_button(self._refresh, "Refresh"))
        self.strip, self.notice = ErrorStrip(), NoticeStrip()
        self.strip.retry_requested.connect(self._refresh_now)
        self.table = RowsTable(self.model, "Consumer groups")
        self.table.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.setItemDelegateForColumn(TREND, SparklineDelegate(lambda row: self.model.row(row).trend, self.table))
        self.table.activated.connect(self._activated)
        self.table.customContextMenuRequested.connect(self._menu)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.table)
        self._empty = EmptyState("group", "")
        self._empty.action_requested.connect(self._do_what_the_empty_page_offers)
        self._pages.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(self.strip)
        column.addWidget(self.notice)
        column.addWidget(self._pages, 1)
        self.setFocusProxy(self.table)
        self._show_page()

    def _action(self, icon_name: str, text: str, keys: str, work: Callable[[], object]) -> QAction:
        action = QAction(icon(icon_name), text, self, shortcut=QKeySequence(keys))
        action.triggered.connect(work)
        return action

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        on = self.actions_on
        return (self._open, self._refresh, self._find, on.create, *on.on_groups, self._copy)

    def set_zone(self, zone: tzinfo) -> None:
        self.actions_on.zone = zone

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)
        self._show_page()

    def save_state(self) -> dict[str, object]:
        return {"sort": self.table.save_sort()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.table.restore_sort(state.get("sort"))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._look.resume()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._look.pause()

    async def close_panel(self) -> None:
        await super().close_panel()
        self._look.pause()

    @property
    def complete(self) -> bool:
        """All that is shown is known."""
        return self._listed is not None and not self.model.unknown()

    def rows(self) -> list[GroupRow]:
        """What is shown, in its order."""
        return [self.model.row(number) for number in range(self.model.rowCount())]

    # work

    async def _load(self) -> None:
        await self._look.begin(await self._open_session())

    def _take_list(self, session: Session, listed: Groups) -> None:
        self._listed = listed
        self.model.set_listed(listed.listed)
        self.strip.clear()
        self.notice.show_text(_missing(listed, session))
        self._show_page()

    def _take_look(self, trouble: Failure | None) -> None:
        """A look that went well takes back what the one before has told."""
        if trouble:
            self.strip.show_failure(trouble)
        elif self.strip.failure and self.strip.failure is self._trouble:
            self.strip.clear()
        self._trouble = trouble
        self._say()

    def _seen(self) -> list[str]:
        """Those on the screen that commit offsets."""
        rows = map(self.model.row, rows_in_sight(self.table))
        return [row.id for row in rows if row.shown]

    def _refresh_now(self) -> None:
        self.strip.clear()
        self._show_page()
        self.tasks.start("load", self._load())

    # what a person does

    def _filter_changed(self, text: str) -> None:
        try:
            self.model.set_rank(topic_filter(text))
        except Failure as failure:
            self.strip.show_failure(failure)
            return
        self.strip.clear_typed()
        self._show_page()

    def _enter_table(self) -> None:
        """From the filter to what it found."""
        if self.model.rowCount():
            if not self.table.currentIndex().isValid():
                self.table.selectRow(0)
            self.table.setFocus()

    def _activated(self, index: QModelIndex) -> None:
        self._wanted(self.model.row(index.row()).id)

    def _open_selected(self) -> None:
        for name in self._selected():
            self._wanted(name)

    def _copy_names(self) -> None:
        QGuiApplication.clipboard().setText("\n".join(self._selected()))

    def _selected(self) -> list[str]:
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [self.model.row(row).id for row in rows]

    def _offer(self) -> None:
        chosen = len(self._selected())
        self._open.setEnabled(chosen > 0)
        self._copy.setEnabled(chosen > 0)
        self._copy.setText("Copy name" if chosen < 2 else "Copy names")
        self.actions_on.look()

    def _menu(self, at: QPoint) -> None:
        if not self.table.indexAt(at).isValid():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions([self._open, self._copy])
        menu.addSeparator()
        menu.addActions(self.actions_on.on_groups)
        menu.popup(self.table.viewport().mapToGlobal(at))

    def _do_what_the_empty_page_offers(self) -> None:
        if self.model.total:
            self.filter.clear()
        else:
            self._refresh_now()

    # words

    def _show_page(self) -> None:
        shown, total = self.model.rowCount(), self.model.total
        if self._listed is None and self.strip.failure:
            self._empty.tell(
                "unplug", f"The groups of {self.profile} are not known.", "The reason stands above.", "Try again"
            )
        elif self._listed is None:
            self._empty.tell("group", f"Asking {self.profile} for its groups …")
        elif not total:
            why = "A group is there once a consumer joins it or commits an offset."
            self._empty.tell("group", f"{self.profile} has no consumer groups.", why, "Look again")
        elif not shown:
            self._empty.tell("filter", "No group answers to that filter.", f"{SYNTAX}.", "Clear the filter")
        self._pages.setCurrentIndex(0 if shown else 1)
        self._say()

    def _say(self) -> None:
        shown, total = self.model.rowCount(), self.model.total
        words = "1 group" if total == 1 else f"{count(total)} groups"
        words = words if shown == total else f"{count(shown)} of {words}"
        left, failed = len(self.model.unknown()), len(self.model.failed())
        words += f" · {count(left)} still to look at" if left else ""
        words += f" · {count(failed)} not told" if failed else ""
        self._count.setText(words)
        self._count.setVisible(self._listed is not None)
        self.say(words if self._listed is not None else "")


def _missing(listed: Groups, session: Session) -> str:
    """Which brokers did not tell, in a sentence; "" if all did."""
    if not listed.troubles:
        return ""
    brokers, silent = session.catalog.metadata.brokers if session.catalog.metadata else (), len(listed.troubles)
    told = f"{len(brokers) - silent} of {len(brokers)} brokers told" if brokers else f"{silent} did not tell"
    return f"{told}: groups may be missing. {listed.troubles[0]}"
