"""Filters that a person gave a name."""

from __future__ import annotations

from pathlib import Path

from kexplorer.model.filter_state import filter_of, filter_state
from kexplorer.model.search import FilterSpec
from kexplorer.store.named import NamedStore


class FilterStore(NamedStore[FilterSpec]):
    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path, "filter", 1 << 20, filter_state, filter_of)
