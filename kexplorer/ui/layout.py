"""The workspace's layout as it is kept between two sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

VERSION = 1
_MOST_TABS = 100  # of one group; a layout is not worth a start that takes minutes
_MOST_GROUPS = 8


@dataclass(frozen=True, slots=True)
class SavedTab:
    key: str
    state: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SavedGroup:
    """`current` is the index of the tab in front; `geometry` (Qt's, in base64) is set for an own window only."""

    tabs: tuple[SavedTab, ...]
    current: int = 0
    geometry: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """`groups` stand side by side, `sizes` pixels wide; `windows` are torn off; `current` is the current tab's key."""

    groups: tuple[SavedGroup, ...] = ()
    sizes: tuple[int, ...] = ()
    windows: tuple[SavedGroup, ...] = ()
    current: str = ""


def dump_layout(layout: Layout) -> dict[str, object]:
    return {"version": VERSION, **asdict(layout)}


def parse_layout(data: object) -> Layout:
    """The empty layout if `data` is of another version or is no layout at all: it may have been edited by hand."""
    try:
        fields = _mapping(data)
        if fields["version"] != VERSION:
            return Layout()
        groups = tuple(_group(item) for item in _list(fields["groups"])[:_MOST_GROUPS])
        sizes = tuple(_integer(item) for item in _list(fields["sizes"]))
        windows = tuple(_group(item) for item in _list(fields["windows"])[:_MOST_GROUPS])
        return Layout(groups, sizes if len(sizes) == len(groups) else (), windows, _text(fields["current"]))
    except (KeyError, TypeError):
        return Layout()


def _group(data: object) -> SavedGroup:
    fields = _mapping(data)
    tabs = tuple(_tab(item) for item in _list(fields["tabs"])[:_MOST_TABS])
    return SavedGroup(tabs, _integer(fields["current"]), _text(fields["geometry"]))


def _tab(data: object) -> SavedTab:
    fields = _mapping(data)
    return SavedTab(_text(fields["key"]), _mapping(fields["state"]))


def _mapping(data: object) -> Mapping[str, object]:
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise TypeError(data)
    return data


def _list(data: object) -> list[object]:
    if not isinstance(data, list | tuple):
        raise TypeError(data)
    return list(data)


def _integer(data: object) -> int:
    if not isinstance(data, int) or not 0 <= data <= 100_000:
        raise TypeError(data)
    return data


def _text(data: object) -> str:
    if not isinstance(data, str):
        raise TypeError(data)
    return data
