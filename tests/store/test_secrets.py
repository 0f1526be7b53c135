"""Secrets by reference."""

import threading
import time
from collections.abc import Iterator

import pytest

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import SecretRef
from kexplorer.store.secrets import SERVICE, Secrets
from tests.rig.loops import LoopRunner
from tests.store.keyrings import MemoryKeyring, NoKeyring, installed


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    backend = MemoryKeyring()
    with installed(backend):
        yield backend
    backend.unlocked.set()


def test_keyring(aio: LoopRunner, ring: MemoryKeyring) -> None:
    secrets, ref = Secrets(), SecretRef.parse("keyring:prod")
    with pytest.raises(Failure, match="keyring:prod is not set") as caught:
        aio.run(secrets.resolve(ref))
    assert caught.value.kind == FailureKind.NOT_FOUND
    aio.run(secrets.store(ref, "s3cret ü"))
    assert ring.kept == {(SERVICE, "prod"): "s3cret ü"}
    assert aio.run(Secrets().resolve(ref)) == "s3cret ü"
    aio.run(secrets.delete(ref))
    aio.run(secrets.delete(ref))
    assert ring.kept == {}
    assert threading.current_thread().name not in ring.threads


def test_environment(aio: LoopRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets, ref = Secrets(), SecretRef.parse("env:KX_TEST_PASSWORD")
    with pytest.raises(Failure, match="not set") as caught:
        aio.run(secrets.resolve(ref))
    assert "KX_TEST_PASSWORD" in caught.value.hint
    monkeypatch.setenv("KX_TEST_PASSWORD", "from outside")
    assert aio.run(secrets.resolve(ref)) == "from outside"
    with pytest.raises(Failure, match="outside of"):
        aio.run(secrets.store(ref, "x"))


def test_asked_is_kept_in_memory_alone(aio: LoopRunner, ring: MemoryKeyring) -> None:
    secrets, ref = Secrets(), SecretRef.parse("ask:prod")
    aio.run(secrets.store(ref, "typed"))
    assert aio.run(secrets.resolve(ref)) == "typed"
    assert ring.kept == {}
    for stranger, name in ((Secrets(), "ask:prod"), (secrets, "ask:other")):
        with pytest.raises(Failure, match="not set"):
            aio.run(stranger.resolve(SecretRef.parse(name)))


def test_a_keyring_that_waits_for_a_person_holds_nobody_up(aio: LoopRunner, ring: MemoryKeyring) -> None:
    ring.unlocked.clear()
    started = time.monotonic()
    with pytest.raises(Failure, match=r"did not answer within 0\.2 s") as caught:
        aio.run(Secrets(limit=0.2).resolve(SecretRef.parse("keyring:prod")))
    assert time.monotonic() - started < 2
    assert "environment" in caught.value.hint
    ring.unlocked.set()


def test_no_keyring_says_what_else_there_is(aio: LoopRunner) -> None:
    backend = NoKeyring()  # type: ignore[no-untyped-call]
    with installed(backend), pytest.raises(Failure, match="has no keyring") as caught:
        aio.run(Secrets().store(SecretRef.parse("keyring:prod"), "hunter2"))
    assert "ask each time" in caught.value.hint


def test_a_backend_that_breaks_tells_no_secret(
    aio: LoopRunner, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*args: str) -> None:
        raise RuntimeError(f"cannot store {args}")

    monkeypatch.setattr(ring, "set_password", explode)
    with pytest.raises(Failure, match="RuntimeError") as caught:
        aio.run(Secrets().store(SecretRef.parse("keyring:prod"), "hunter2"))
    assert "hunter2" not in str(caught.value)
