"""A number that may be left out: a limit, a rate."""

from __future__ import annotations

from PySide6.QtWidgets import QDoubleSpinBox

_MOST = 1_000_000_000


class LimitSpin(QDoubleSpinBox):
    """At `least`, `nothing` is shown instead of the number."""

    def __init__(self, name: str, nothing: str = "", suffix: str = "", least: int = 0, decimals: int = 0) -> None:
        super().__init__()
        self.setDecimals(decimals)
        self.setRange(least, _MOST)
        self.setGroupSeparatorShown(True)
        self.setSpecialValueText(nothing)
        self.setSuffix(suffix)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.lineEdit().setTextMargins(6, 0, 0, 0)
        characters = max(len(nothing), len(f"1,000,000{suffix}"))
        self.setFixedWidth(self.fontMetrics().averageCharWidth() * characters + 44)

    @property
    def limit(self) -> float | None:
        """None: none."""
        return self.value() or None

    @property
    def whole(self) -> int | None:
        return int(self.value()) or None
