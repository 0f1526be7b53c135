"""The version that brokers agreed on, by its level."""

from __future__ import annotations

import pytest

from kexplorer.kafka.features import version_of


@pytest.mark.parametrize(
    ("level", "version"),
    [
        (7, "3.3-IV3"),
        (8, "3.4-IV0"),
        (19, "3.7-IV4"),
        (21, "3.9-IV0"),
        (25, "4.0-IV3"),
        (29, "4.2-IV1"),
        (30, "4.3-IV0"),
    ],
)
def test_levels_are_those_of_kafka(level: int, version: str) -> None:
    assert version_of(level) == version


def test_a_level_of_the_future_is_told_as_such() -> None:
    assert version_of(31) == "newer than 4.3 (metadata.version 31)"
