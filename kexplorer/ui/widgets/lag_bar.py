"""What a chart of lag shows: of what, since when, and how."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QComboBox, QHBoxLayout, QPushButton, QToolButton, QWidget

from kexplorer.services.lag_lines import Level, Metric
from kexplorer.ui.widgets.filter_box import FilterBox

LINES, STACK, HEAT = "Lines", "Stacked", "Heat map"
_VIEWS = {LINES: "first", STACK: "middle", HEAT: "last"}
_SPANS = {
    "15 minutes": 900.0,
    "1 hour": 3600.0,
    "6 hours": 21_600.0,
    "24 hours": 86_400.0,
    "7 days": 604_800.0,
    "30 days": 2_592_000.0,
    "90 days": 7_776_000.0,
}
_NOUNS = {Level.GROUP: "group", Level.TOPIC: "topic", Level.PARTITION: "partition"}


class LagBar(QWidget):
    """`changed`: what is known is shown in another way; `span_changed`: another time is wanted. `whole` is the button
    that shows all of the time again."""

    changed = Signal()
    span_changed = Signal()

    def __init__(self, of_one_group: bool) -> None:
        super().__init__()
        levels = (Level.PARTITION, Level.TOPIC) if of_one_group else tuple(Level)
        self._level = _box("What each line is", [level.value for level in levels])
        self._metric = _box("What is shown", [metric.value for metric in Metric])
        self._span = _box("Since when", list(_SPANS))
        self._span.setCurrentText("15 minutes")
        self._logarithmic = QCheckBox("Log scale")
        self._logarithmic.setToolTip("Equal distances stand for equal ratios; 0 has its place, too")
        self.filter = FilterBox("Filter lines")
        self.whole = QPushButton("Show all of the time")
        self.whole.hide()
        self._views = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        for widget in (self._metric, self._level, self._span):
            row.addWidget(widget)
        row.addLayout(self._segments())
        row.addWidget(self._logarithmic)
        row.addWidget(self.whole)
        row.addStretch(1)
        row.addWidget(self.filter)
        self.end = row
        self._metric.currentIndexChanged.connect(self.changed)
        self._level.currentIndexChanged.connect(self.changed)
        self._logarithmic.toggled.connect(self.changed)
        self._span.currentIndexChanged.connect(self.span_changed)
        self._views.buttonToggled.connect(self._view_toggled)

    def _segments(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(0)
        for name, place in _VIEWS.items():
            button = QToolButton()
            button.setText(name)
            button.setCheckable(True)
            button.setChecked(name == LINES)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setProperty("segment", place)
            self._views.addButton(button)
            row.addWidget(button)
        return row

    @property
    def measure(self) -> Metric:
        return Metric(self._metric.currentText())

    @property
    def level(self) -> Level:
        return Level(self._level.currentText())

    @property
    def noun(self) -> str:
        return _NOUNS[self.level]

    @property
    def span(self) -> float:
        """Seconds."""
        return _SPANS[self._span.currentText()]

    @property
    def view(self) -> str:
        return next(button.text() for button in self._views.buttons() if button.isChecked())

    @property
    def logarithmic(self) -> bool:
        return self._logarithmic.isChecked()

    def choose(self, metric: str = "", level: str = "", span: str = "", view: str = "") -> None:
        """By their names; what is not one of them is ignored."""
        for box, name in ((self._metric, metric), (self._level, level), (self._span, span)):
            if (index := box.findText(name)) >= 0:
                box.setCurrentIndex(index)
        for button in self._views.buttons():
            if button.text() == view:
                button.setChecked(True)

    def save_state(self) -> dict[str, object]:
        names = {"metric": self.measure.value, "level": self.level.value, "span": self._span.currentText()}
        return {**names, "view": self.view, "log": self.logarithmic}

    def restore_state(self, state: dict[str, object]) -> None:
        names = {name: each for name in ("metric", "level", "span", "view") if isinstance(each := state.get(name), str)}
        self.choose(**names)
        self._logarithmic.setChecked(state.get("log") is True)

    def _view_toggled(self, _: QToolButton, checked: bool) -> None:
        if checked:
            self._logarithmic.setEnabled(self.view != HEAT)
            self.changed.emit()


def _box(name: str, entries: list[str]) -> QComboBox:
    box = QComboBox()
    box.addItems(entries)
    box.setAccessibleName(name)
    box.setToolTip(name)
    return box
