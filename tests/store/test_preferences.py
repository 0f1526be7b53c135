"""What the window remembers."""

import stat
from pathlib import Path

import pytest

from kexplorer.model.failure import Failure
from kexplorer.store.preferences import Preferences


def test_round_trip_in_private(tmp_path: Path) -> None:
    preferences = Preferences(tmp_path / "state" / "window.json")
    assert preferences.load() == {}
    preferences.save({"geometry": "AAA=", "tabs": [{"topic": "orders"}]})
    assert preferences.load() == {"geometry": "AAA=", "tabs": [{"topic": "orders"}]}
    assert stat.S_IMODE(preferences.path.stat().st_mode) == 0o600
    assert [file.name for file in preferences.path.parent.iterdir()] == ["window.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 200_000, b'{"a": ' + b"9" * 5000 + b"}", b" " * ((1 << 20) + 1), b"null"],
)
def test_a_hostile_file_means_defaults(tmp_path: Path, content: bytes) -> None:
    preferences = Preferences(tmp_path / "window.json")
    preferences.path.write_bytes(content)
    assert preferences.load() == {}
    preferences.save({"a": 1})
    assert preferences.load() == {"a": 1}


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs.json").write_text('{"a": 1}')
    preferences = Preferences(tmp_path / "window.json")
    preferences.path.symlink_to(tmp_path / "theirs.json")
    assert preferences.load() == {}
    with pytest.raises(Failure, match="symbolic link"):
        preferences.save({"b": 2})
    assert (tmp_path / "theirs.json").read_text() == '{"a": 1}'


def test_what_could_not_be_loaded_again_is_not_saved(tmp_path: Path) -> None:
    preferences = Preferences(tmp_path / "window.json")
    for values in ({"a": float("nan")}, {"a": "x" * (8 << 20)}):
        with pytest.raises(ValueError, match=r"JSON|preferences"):
            preferences.save(values)
    assert not preferences.path.exists()
