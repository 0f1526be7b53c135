"""Who is in a group, and which partitions each member reads."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QPushButton, QStackedWidget

from kexplorer.formats.numbers import count
from kexplorer.model.changes import RemoveMembers
from kexplorer.model.groups import Group, Member
from kexplorer.ui.models.group import MembersModel, as_text, members_of
from kexplorer.ui.panels.group_tab import GroupOf, GroupSeen, GroupTab
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable


class GroupMembersTab(GroupTab):
    """The selection stays with its members while others come and go."""

    def __init__(self, group: GroupOf) -> None:
        super().__init__(group)
        self.model = MembersModel(self)
        self.table = RowsTable(self.model, "Members of the group")
        self.table.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
        self._summary = plain_label("Looking …", role="muted")
        self.remove = QPushButton("Remove member…")
        self.remove.clicked.connect(lambda: self.tasks.start("remove", self._remove()))
        self.add_bar([self._summary], [self.remove])
        self._pages = QStackedWidget()
        self._pages.addWidget(self.table)
        self._empty = EmptyState("group", "Looking …")
        self._pages.addWidget(self._empty)
        self._pages.setCurrentIndex(1)
        self.column.addWidget(self._pages, 1)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._offer())
        self.setFocusProxy(self.table)
        self._offer()

    def show_seen(self, seen: GroupSeen) -> None:
        members = members_of(seen.lag)
        self.model.set_rows(members)
        self._pages.setCurrentIndex(0 if members else 1)
        if not members:
            why = "Its committed offsets stay until they expire. Members appear here as soon as one joins."
            self._empty.tell("group", f"Nobody is in {self.group.name}.", why)
        self._summary.setText(_summary(seen.lag.group))
        self.said.emit(f"{self.group.name}: {_summary(seen.lag.group)}")
        self._offer()

    def show_unknown(self) -> None:
        self._pages.setCurrentIndex(1)
        self._summary.setText("Nothing is known yet.")
        self._empty.tell("unplug", f"{self.group.name} could not be looked at.", "The reason stands above.")

    def text(self) -> str:
        return as_text(self.model)

    def save_state(self) -> dict[str, object]:
        return {"sort": self.table.save_sort()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.table.restore_sort(state.get("sort"))

    def _selected(self) -> list[Member]:
        rows = sorted({index.row() for index in self.table.selectionModel().selectedIndexes()})
        return [self.model.row(row).member for row in rows if row < self.model.rowCount()]

    def _offer(self) -> None:
        read_only, chosen = self.group.profile.read_only, self._selected()
        self.remove.setEnabled(bool(chosen) and not read_only)
        self.remove.setText("Remove member…" if len(chosen) < 2 else f"Remove {count(len(chosen))} members…")
        tip = "This connection is read-only." if read_only else "" if chosen else "Select members first."
        self.remove.setToolTip(tip or "The group is assigned anew without them. One that still runs comes back at once")

    async def _remove(self) -> None:
        """Static members by their instance id: theirs is the one that lasts."""
        from kexplorer.ui.dialogs.change_dialog import make_change  # noqa: PLC0415  (a panel needs no dialog)

        chosen = self._selected()
        ids = tuple(each.id for each in chosen if not each.instance)
        instances = tuple(each.instance for each in chosen if each.instance)
        session = await self.group.open_session()
        if chosen and await make_change(self, session.changes, RemoveMembers(self.group.name, ids, instances)):
            session.lag.look_now()


def _summary(group: Group) -> str:
    """As in "6 members · 1 static · 2 without a partition"."""
    members = group.members
    static, idle = sum(bool(each.instance) for each in members), sum(not each.assigned for each in members)
    parts = ["1 member" if len(members) == 1 else f"{count(len(members))} members"]
    parts += [f"{count(static)} static"] if static else []
    parts += [f"{count(idle)} without a partition"] if idle else []
    return " · ".join(parts)
