"""What several producer settings gave: bars, a table, what it means, and all of it as text."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count, duration, rate, size
from kexplorer.services.produce_benchmark import Load, Result, meaning
from kexplorer.ui.icons import icon
from kexplorer.ui.models.rows import Column, RowsModel
from kexplorer.ui.widgets.compared_bars import ComparedBar, ComparedBars
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable

_NONE = "–"


class BenchmarkResults(QWidget):
    said = Signal(str)  # a sentence for the status bar

    def __init__(self) -> None:
        super().__init__()
        self._results: list[Result] = []
        self._load = Load()
        self.rates = ComparedBars("Messages a second", 0)
        self.latencies = ComparedBars("Latency, p99", 1)
        self.model: RowsModel[Result] = RowsModel(_COLUMNS, lambda r: r.name, _problem, _tone, self)
        self.table = RowsTable(self.model, "Results")
        self.told = plain_label("", wrap=True, selectable=True)
        self.copy = QPushButton(icon("copy"), "Copy as text")
        self.copy.clicked.connect(self._copy)
        bars = QHBoxLayout()
        bars.setSpacing(0)
        bars.addWidget(self.rates)
        bars.addWidget(self.latencies)
        below = QHBoxLayout()
        below.setContentsMargins(12, 8, 12, 8)
        below.setSpacing(12)
        below.addWidget(self.told, 1)
        below.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bars)
        column.addLayout(below)
        column.addWidget(self.table, 1)

    def begin(self, load: Load) -> None:
        """Those before are forgotten."""
        self._load = load
        self._results = []
        self._show()

    def add(self, result: Result) -> None:
        self._results.append(result)
        self._show()

    def as_text(self) -> str:
        """Columns with tabs between them, and what they mean."""
        load = self._load
        keys = f"{count(load.keys)} keys" if load.keys else "no keys"
        pace = rate(load.rate) if load.rate else "as fast as it goes"
        lines = [f"Records of {count(load.size)} B, {keys}, {load.seconds:g} s each, {pace}"]
        lines.append("\t".join(column.title for column in _COLUMNS))
        lines += ["\t".join(column.text(result) for column in _COLUMNS) for result in self._results]
        return "\n".join([*lines, *meaning(self._results, load)])

    def _show(self) -> None:
        results = self._results
        self.rates.show_bars([ComparedBar(each.name, each.rate, rate(each.rate)) for each in results])
        self.latencies.show_bars([ComparedBar(each.name, _p99(each), _latency(_p99(each))) for each in results])
        self.model.set_rows(results)
        self.told.setText(" ".join(meaning(results, self._load)))
        self.copy.setEnabled(bool(results))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.as_text())
        self.said.emit("Copied the results.")


def _p50(result: Result) -> float:
    return result.progress.p50 if result.progress else 0.0


def _p99(result: Result) -> float:
    return result.progress.p99 if result.progress else 0.0


def _latency(milliseconds: float) -> str:
    return duration(milliseconds / 1000) if milliseconds else _NONE


def _fill(result: Result) -> float:
    return result.batches.fill if result.batches else 0.0


def _each(result: Result) -> float:
    return result.batches.records_each if result.batches else 0.0


def _problem(result: Result) -> str:
    return str(result.failure or "")


def _tone(result: Result, column: int) -> str:
    return "bad" if result.failure and column in (0, len(_COLUMNS) - 1) else "text"


_COLUMNS: tuple[Column[Result], ...] = (
    Column("Settings", lambda r: r.name, lambda r: r.name, 20),
    Column("Messages", lambda r: rate(r.rate), lambda r: r.rate, 14, True, "Acknowledged a second"),
    Column("Bytes", lambda r: f"{size(r.byte_rate)}/s", lambda r: r.byte_rate, 14, True, "Of keys and values"),
    Column("p50", lambda r: _latency(_p50(r)), _p50, 10, True, "Half of the records are acknowledged within"),
    Column("p99", lambda r: _latency(_p99(r)), _p99, 10, True, "All but a hundredth are acknowledged within"),
    Column("In a batch", lambda r: f"{_each(r):,.1f}" if r.batches else _NONE, _each, 12, True, "Records, on average"),
    Column(
        "Batch fill",
        lambda r: f"{100 * _fill(r):.1f} %" if r.batches else _NONE,
        _fill,
        12,
        True,
        "Of batch.size or batch.num.messages, whichever a batch reaches first",
    ),
    Column(
        "Compression",
        lambda r: f"{r.ratio:.2f} : 1" if r.ratio else _NONE,
        lambda r: r.ratio or 0.0,
        14,
        True,
        "Bytes of keys and values to those of the batches as they were sent",
    ),
    Column("Failed", lambda r: count(r.failed), lambda r: r.failed, 10, True, "Records that were not acknowledged"),
    Column("Problem", _problem, _problem, 30),
)
