"""The state of an entity as JSON, with what an event did to it: lines that it added, changed and removed."""

from __future__ import annotations

from collections.abc import Sequence

from kexplorer.formats.difference import Mark
from kexplorer.formats.state_changes import StateLines
from kexplorer.ui.widgets.difference_view import SideRows, SideView

_ABOVE = 3  # lines before the first change


class _Unified(SideRows):
    """The lines after, and between them those that are gone."""

    def __init__(self, shown: StateLines, widest: int) -> None:
        super().__init__(shown.after, shown.found.right, shown.found.marks, widest)
        self._gone = SideRows(shown.before, shown.found.left, shown.found.marks, widest)

    def __getitem__(self, row: int) -> str:
        return self._gone[row] if self._marks[row] is Mark.REMOVED else super().__getitem__(row)

    def is_there(self, row: int) -> bool:
        return True

    def label(self, row: int) -> str:
        return "-" if self._marks[row] is Mark.REMOVED else super().label(row)


class StateView(SideView):
    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("State")

    def show_state(self, shown: StateLines) -> None:
        """The first change is in sight."""
        widest = max(map(len, (*shown.before, *shown.after)), default=0)
        before = SideRows(shown.before, shown.found.left, shown.found.marks, widest)
        self.show_side(shown.found, _Unified(shown, widest), before, json=True)
        if shown.found.blocks:
            self.place(max(0, shown.found.blocks[0] - _ABOVE) * self.row_height(), repaint=True)

    @property
    def marks(self) -> Sequence[Mark]:
        """Of the lines that are shown."""
        return self._found.marks if self._found else ()
