"""A filter as plain values, for files and for the state of a window."""

from __future__ import annotations

from dataclasses import asdict

from kexplorer.model.search import FilterKind, FilterSpec, Where


def filter_state(spec: FilterSpec) -> dict[str, object]:
    """Of str and bool."""
    return asdict(spec)


def filter_of(state: object) -> FilterSpec | None:
    """What `filter_state` gave, or a text to look for; None for anything else."""
    match state:
        case str(text):
            return FilterSpec(text) if text else None
        case {"text": str(text), "kind": str(kind), "case_sensitive": bool(case), "where": str(where)} if text:
            try:
                return FilterSpec(text, FilterKind(kind), case, Where(where))
            except ValueError:  # of a later version
                return None
    return None
