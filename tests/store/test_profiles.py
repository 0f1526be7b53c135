"""The profiles file: a person's file, shared by windows and editors."""

import os
import random
import stat
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import COLOURS, Profile, SaslMechanism, SecretRef, SecretStore, SecurityProtocol
from kexplorer.store.profiles import ProfileStore

FULL = Profile(
    name="production",
    bootstrap="a:9092,[::1]:9093",
    security_protocol=SecurityProtocol.SASL_SSL,
    sasl_mechanism=SaslMechanism.PLAIN,
    username="alice",
    password=SecretRef(SecretStore.KEYRING, "production/password/1"),
    ca_file="/ca.pem",
    certificate_file="/c.pem",
    key_file="/k.pem",
    key_password=SecretRef(SecretStore.ENVIRONMENT, "KEY"),
    colour="red",
    read_only=True,
    production=True,
    properties={"client.rack": "a", "linger.ms": "5"},
    registry_url="https://registry.example:8081",
    registry_username="reader",
    registry_password=SecretRef(SecretStore.KEYRING, "production/registry_password/1"),
    registry_ca_file="/registry.pem",
)
PLAIN = Profile("local", "localhost:9092")


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    return ProfileStore(tmp_path / "config" / "clusters.toml")


def _put(store: ProfileStore, content: bytes | str) -> None:
    store.path.parent.mkdir(mode=0o700, exist_ok=True)
    store.path.write_bytes(content.encode() if isinstance(content, str) else content)


def test_round_trip_in_order(store: ProfileStore) -> None:
    assert store.load().profiles == ()
    store.add(FULL)
    store.add(PLAIN)
    assert store.load().profiles == (FULL, PLAIN)
    store.replace(FULL, renamed := replace(PLAIN, name="renamed", password=SecretRef(SecretStore.ASK, "")))
    assert store.load().profiles == (renamed, PLAIN)
    store.delete(renamed)
    store.delete(PLAIN)
    assert store.load() == ProfileStore(store.path).load()
    assert store.load().profiles == ()
    store.add(PLAIN)
    assert store.load().profiles == (PLAIN,)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(_TEXT.filter(bool), _TEXT.filter(bool), _TEXT), unique_by=lambda t: t[0], max_size=4), st.data()
)
def test_any_text_survives(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    store = ProfileStore(tmp_path_factory.mktemp("p") / "clusters.toml")
    profiles = [Profile(name, boot, username=user, properties={user: boot}) for name, boot, user in found]
    for profile in profiles:
        store.add(profile)
    if profiles:
        i = data.draw(st.integers(0, len(profiles) - 1))
        changed = replace(profiles[i], username=data.draw(_TEXT), properties=data.draw(st.dictionaries(_TEXT, _TEXT)))
        store.replace(profiles[i], changed)
        profiles[i] = changed
    assert store.load().profiles == tuple(profiles)
    assert not store.load().failures


def test_half_a_character_is_refused(store: ProfileStore) -> None:
    with pytest.raises(Failure):
        store.add(replace(PLAIN, username="\ud800"))
    assert not store.path.exists()


def test_a_persons_comments_and_order_stay(store: ProfileStore) -> None:
    _put(
        store,
        "# mine\n\n[[cluster]]\nbootstrap = 'a:1' # first\nname = 'one'\n[cluster.properties]\n# why\n"
        "'client.id' = 'x'\n'client.rack' = 'r'\n\n# the second\n[[cluster]]\nname = 'two'\nbootstrap = 'b:1'\n",
    )
    one, two = store.load().profiles
    store.replace(one, replace(one, bootstrap="c:1", properties={"client.rack": "s"}))
    store.add(PLAIN)
    text = store.path.read_text()
    assert all(comment in text for comment in ("# mine", "# first", "# why", "# the second"))
    assert text.index("bootstrap = ") < text.index("name = 'one'")
    assert [profile.name for profile in store.load().profiles] == ["one", "two", "local"]
    store.delete(store.load().profiles[0])
    assert "# the second\n[[cluster]]\nname = 'two'" in store.path.read_text()
    store.delete(two)
    assert "# the second" not in store.path.read_text()


def test_only_we_may_read_it(store: ProfileStore) -> None:
    _put(store, "")
    store.path.chmod(0o644)
    store.add(PLAIN)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    fresh = ProfileStore(store.path.parent / "new" / "clusters.toml")
    fresh.add(PLAIN)
    assert stat.S_IMODE(fresh.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[[cluster]]\nname = 'a'\nbootstrap = a:1\n", "line 3"),
        ("version = 2\n[[cluster]]\nname='a'\nbootstrap='a:1'\n", "key version"),
        (b"name = '\xff'\n", "line 1: not UTF-8"),
        ("cluster = 5\n", "key cluster"),
        ("a = " + "[" * 100_000, ""),
        (b"#" * (1 << 20) + b"\n", "larger than"),
        ("\0" * 100, "line 1"),
    ],
)
def test_a_file_that_is_not_understood_is_named_and_kept(store: ProfileStore, content: bytes | str, said: str) -> None:
    _put(store, content)
    before = store.path.read_bytes()
    loaded = store.load()
    assert loaded.profiles == ()
    (failure,) = loaded.failures
    assert str(store.path) in failure.message
    assert said in failure.message
    assert failure.hint
    with pytest.raises(Failure):
        store.add(PLAIN)
    assert store.path.read_bytes() == before


@pytest.mark.parametrize(
    ("lines", "line", "key"),
    [
        ("name = 'bad'", 7, "bootstrap"),
        ("name = 'bad'\nbootstrap = 5", 9, "bootstrap"),
        ("name = 'bad'\nbootstrap = 'a:1'\nsecurity_protocol = 'TLS'", 10, "security_protocol"),
        ("name = 'bad'\nbootstrap = 'a:1'\npassword = 'hunter2'", 10, "password"),
        ("name = 'bad'\nbootstrap = 'a:1'\nread_only = 'no'", 10, "read_only"),
        ("name = 'bad'\nbootstrap = 'a:1'\nproduction = 1", 10, "production"),
        ("name = 'bad'\nbootstrap = 'a:1'\ncolour = 'mauve'", 10, "colour"),
        ("name = 'bad'\nbootstrap = 'a:1'\nunknown = 1", 10, "unknown"),
        ("name = 'bad'\nbootstrap = 'a:1'\n[cluster.properties]\nx = 1", 10, "properties"),
        ("name = 'good'\nbootstrap = 'a:1'", 8, "name"),
    ],
)
def test_one_bad_profile_hides_no_other(store: ProfileStore, lines: str, line: int, key: str) -> None:
    _put(store, f"[[cluster]]\nname = 'good'\nbootstrap = 'a:1'\n\n\n\n[[cluster]]\n{lines}\n")
    loaded = store.load()
    assert [profile.name for profile in loaded.profiles] == ["good"]
    (failure,) = loaded.failures
    assert f"line {line}, key {key}:" in failure.message
    assert "hunter2" not in str(failure)
    store.add(PLAIN)
    assert lines in store.path.read_text()
    assert [profile.name for profile in store.load().profiles] == ["good", "local"]


@pytest.mark.skipif(sys.platform == "win32", reason="links and owners of POSIX")
@pytest.mark.parametrize("what", ["file", "directory", "fifo"])
def test_links_and_devices_are_refused(store: ProfileStore, tmp_path: Path, what: str) -> None:
    target = tmp_path / "elsewhere"
    if what == "directory":
        target.mkdir()
        store.path.parent.symlink_to(target)
    else:
        store.path.parent.mkdir()
        target.write_text("[[cluster]]\nname='x'\nbootstrap='x:1'\n")
        os.mkfifo(store.path) if what == "fifo" else store.path.symlink_to(target)
    (failure,) = store.load().failures
    assert failure.kind == FailureKind.REFUSED
    assert str(tmp_path) in failure.message
    with pytest.raises(Failure):
        store.add(PLAIN)
    assert not target.is_file() or "local" not in target.read_text()


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = ProfileStore(tmp_path / "file" / "clusters.toml")
    with pytest.raises(Failure, match="could not be written") as caught:
        store.add(PLAIN)
    assert caught.value.hint


def test_what_another_window_did_is_not_undone(store: ProfileStore) -> None:
    other = ProfileStore(store.path)
    store.add(PLAIN)
    other.add(FULL)
    other.replace(PLAIN, theirs := replace(PLAIN, bootstrap="theirs:1"))
    with pytest.raises(Failure, match="meanwhile"):
        store.replace(PLAIN, replace(PLAIN, bootstrap="mine:1"))
    with pytest.raises(Failure, match="meanwhile"):
        store.delete(PLAIN)
    with pytest.raises(Failure, match="already"):
        store.add(replace(PLAIN, bootstrap="mine:1"))
    with pytest.raises(Failure, match="already"):
        store.replace(FULL, replace(FULL, name="local"))
    assert store.load().profiles == (theirs, FULL)


_CHILD = """
import sys
from pathlib import Path
from kexplorer.model.profile import Profile
from kexplorer.store.profiles import ProfileStore
store = ProfileStore(Path(sys.argv[1]))
"""


def _child(code: str, path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _CHILD + code, str(path)], stdout=subprocess.PIPE)


def test_two_windows_that_save_at_once_lose_nothing(store: ProfileStore) -> None:
    children = [_child(f"for i in range(15): store.add(Profile(f'{who}-{{i}}', 'a:1'))", store.path) for who in (0, 1)]
    for child in children:
        child.communicate(timeout=60)
        assert child.returncode == 0
    assert {profile.name for profile in store.load().profiles} == {f"{w}-{i}" for w in range(2) for i in range(15)}
    assert sorted(file.name for file in store.path.parent.iterdir()) == [".clusters.toml.lock", "clusters.toml"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_kill_while_saving_leaves_the_old_or_the_new_file(store: ProfileStore) -> None:
    """The child saves all the time; whatever moment it is killed at, the file is whole and ours alone."""
    sides = (Profile("p", "old:1"), Profile("p", "new:1" + "0" * 200))
    store.add(sides[0])
    code = f"""
a, b = Profile('p', {sides[0].bootstrap!r}), Profile('p', {sides[1].bootstrap!r})
if store.load().profiles != (a,): a, b = b, a
store.replace(a, b)
print('go', flush=True)
while True: a, b = b, a; store.replace(a, b)
"""
    dice = random.Random(7)
    for _ in range(12):
        with _child(code, store.path) as child:
            assert child.stdout
            assert child.stdout.readline() == b"go\n"
            time.sleep(dice.uniform(0, 0.06))
            child.kill()
        assert store.load().profiles in ((sides[0],), (sides[1],))
        assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_written_file_is_plain_toml_with_the_known_colours(store: ProfileStore) -> None:
    store.add(FULL)
    (table,) = tomllib.loads(store.path.read_text())["cluster"]
    assert table["password"] == "keyring:production/password/1"
    assert table["colour"] in COLOURS
    assert table["properties"] == {"client.rack": "a", "linger.ms": "5"}
