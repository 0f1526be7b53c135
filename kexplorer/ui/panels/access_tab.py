"""One list of who may do what: filtered, added to and deleted from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QMenu,
    QPushButton,
    QStackedWidget,
    QWidget,
)

from kexplorer.formats.numbers import count
from kexplorer.model.changes import Change
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.services.sessions import Session
from kexplorer.ui.icons import icon
from kexplorer.ui.lazy_tabs import Tab
from kexplorer.ui.models.rows import RowsModel
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.filter_box import FilterBox
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """What is listed. `none` says what it means that there is none. `create` asks for a new one, like a given one, and
    tells whether it was made; `deletions` are the changes that delete some; `edit` is what a dialog about the selected
    one is called, "" where there is none."""

    title: str
    one: str
    many: str
    icon: str
    none: str
    model: Callable[[QObject], RowsModel[R]]
    fetch: Callable[[Cluster], Awaitable[Iterable[R]]]
    create: Callable[[QWidget, Session, R | None], Awaitable[bool]]
    deletions: Callable[[Sequence[R]], Sequence[Change]]
    edit: str = ""


class AccessTab(Tab):
    """Reads its list when it is made, when it is refreshed and after each change."""

    def __init__(self, kind: Kind[Any], profile: Profile, open_session: Callable[[], Awaitable[Session]]) -> None:
        super().__init__()
        self._kind = kind
        self._profile = profile
        self._open_session = open_session
        self._refused: Failure | None = None  # why the brokers have or tell none
        self._known = False
        self.model: RowsModel[Any] = kind.model(self)
        self.filter = FilterBox(f"Filter {kind.many}")
        self.counted = plain_label("", role="muted")
        self.new = QPushButton(icon("plus"), f"New {kind.one}…")
        self.edit = QPushButton(kind.edit)
        self.edit.setVisible(bool(kind.edit))
        self.delete = QPushButton(icon("trash"), "Delete…")
        self.table = RowsTable(self.model, kind.title)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.empty = EmptyState(kind.icon, "")
        self._pages = QStackedWidget()
        self._pages.addWidget(self.table)
        self._pages.addWidget(self.empty)
        self._lay_out()
        self.filter.filter_changed.connect(lambda _: self._filter_rows())
        self.filter.left.connect(self.table.setFocus)
        self.new.clicked.connect(lambda: self.tasks.start("change", self._create(None)))
        self.edit.clicked.connect(self._edit)
        self.delete.clicked.connect(lambda: self.tasks.start("change", self._delete()))
        self.empty.action_requested.connect(self._empty_action)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._offer())
        self.table.customContextMenuRequested.connect(self._menu)
        self.setFocusProxy(self.table)
        self._show_page()

    def _lay_out(self) -> None:
        self.add_bar([self.filter, self.counted], [self.delete, self.edit, self.new])
        self.column.addWidget(self._pages, 1)

    def show_failure(self, failure: Failure) -> None:
        super().show_failure(failure)
        self._show_page()

    # work

    def reload(self) -> None:
        self.strip.clear()
        self.tasks.start("read", self._read())

    async def _read(self) -> None:
        session = await self._open_session()
        try:
            rows = list(await self._kind.fetch(session.cluster))
            self._refused = None
        except Failure as failure:
            if failure.kind not in (FailureKind.UNSUPPORTED, FailureKind.AUTHORIZATION):
                raise
            rows, self._refused = [], failure
        self._known = True
        self.model.set_rows(rows)
        self._filter_rows()

    async def _create(self, like: Any) -> None:
        session = await self._open_session()
        if await self._kind.create(self, session, like):
            self.reload()

    async def _delete(self) -> None:
        from kexplorer.ui.dialogs.change_dialog import make_change  # noqa: PLC0415  (a panel needs no dialog)

        session = await self._open_session()
        outcome = await make_change(self, session.changes, *self._kind.deletions(self._selected()))
        self.reload()
        for failure in list(outcome.failures.values())[:1] if outcome else ():
            self.show_failure(failure)

    # what a person does

    def _edit(self) -> None:
        if len(rows := self._selected()) == 1:
            self.tasks.start("change", self._create(rows[0]))

    def _selected(self) -> list[Any]:
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [self.model.row(row) for row in rows]

    def _filter_rows(self) -> None:
        words = self.filter.text().lower().split()
        columns = self.model.columns

        def passes(row: Any) -> bool:
            text = " ".join(column.text(row) for column in columns).lower()
            return all(word in text for word in words)

        self.model.set_filter(passes)
        self._show_page()

    def _empty_action(self) -> None:
        if self.model.total:
            self.filter.clear()
        else:
            self.new.click()

    def _menu(self, at: QPoint) -> None:
        if not self._selected():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if self._kind.edit:
            menu.addAction(icon("edit"), self._kind.edit, self._edit).setEnabled(self.edit.isEnabled())
        menu.addAction(icon("copy"), "Copy", self.table.copy)
        menu.addSeparator()
        menu.addAction(icon("trash"), self.delete.text(), self.delete.click).setEnabled(self.delete.isEnabled())
        menu.popup(self.table.viewport().mapToGlobal(at))

    def _show_page(self) -> None:
        shown, total, kind = self.model.rowCount(), self.model.total, self._kind
        if self._refused:
            refused = self._refused.kind is FailureKind.AUTHORIZATION
            sentence = f"You may not see the {kind.many}." if refused else f"This cluster has no {kind.many} to show."
            self.empty.tell("lock" if refused else kind.icon, sentence, str(self._refused))
        elif not self._known and self.strip.failure:
            self.empty.tell("unplug", f"The {kind.many} could not be read.", "The reason stands above.")
        elif not self._known:
            self.empty.tell(kind.icon, f"Reading the {kind.many} of {self._profile.name} …")
        elif total:
            self.empty.tell("filter", f"No {kind.one} has that in it.", "", "Clear the filter")
        else:
            action = "" if self._profile.read_only else f"New {kind.one}…"
            self.empty.tell(kind.icon, f"There are no {kind.many} yet.", kind.none, action)
        for label in self.empty.findChildren(QLabel):  # a cause of several lines is cut off otherwise
            label.setMinimumHeight(max(label.heightForWidth(label.maximumWidth()), 0))
        self._pages.setCurrentIndex(0 if shown else 1)
        named = f"1 {kind.one}" if total == 1 else f"{count(total)} {kind.many}"
        self.counted.setText(named if shown == total else f"{count(shown)} of {named}")
        self.counted.setVisible(self._known and not self._refused)
        self._offer()

    def _offer(self) -> None:
        chosen, read_only = len(self._selected()), self._profile.read_only
        may = not read_only and self._known and not self._refused
        why = "This connection is read-only." if read_only else ""
        self.new.setEnabled(may)
        self.edit.setEnabled(may and chosen == 1)
        self.delete.setEnabled(may and chosen > 0)
        self.delete.setText(f"Delete {count(chosen)}…" if chosen > 1 else "Delete…")
        for button, needs in ((self.new, ""), (self.edit, "Select one first."), (self.delete, "Select some first.")):
            button.setToolTip(why or ("" if button.isEnabled() else needs))

    def save_state(self) -> dict[str, object]:
        return {"sort": self.table.save_sort()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.table.restore_sort(state.get("sort"))
