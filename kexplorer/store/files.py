"""Small private files: read with suspicion, replaced as a whole, never half written."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from kexplorer.model.failure import Failure, FailureKind

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)  # Windows has none
_LOCK_SECONDS = 5.0


def read_private(path: Path, limit: int) -> bytes | None:
    """The file's bytes, None if there is none. `Failure` if it is not a regular file of ours, larger than `limit` bytes
    or unreadable."""
    try:
        _refuse_strange(path.parent)
        _refuse_strange(path)
        handle = os.open(path, os.O_RDONLY | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed(path, "read", error) from error
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _strange(path, "is not a regular file")
        try:
            data = file.read(limit + 1)
        except OSError as error:
            raise _failed(path, "read", error) from error
    if len(data) > limit:
        raise _strange(path, f"is larger than {limit // 1024} kB")
    return data


def write_private(path: Path, data: bytes) -> None:
    """Replaces the file atomically, readable by its owner alone. After a crash the old or the new one is there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{time.monotonic_ns()}.tmp")
    try:
        make_private_directory(path.parent)
        with contextlib.suppress(FileNotFoundError):
            _refuse_strange(path)
        try:
            handle = os.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | getattr(os, "O_BINARY", 0), 0o600
            )
            with open(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_directory(path.parent)
    except OSError as error:
        raise _failed(path, "written", error) from error


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds `path`'s lock against other instances of the program while a change is read, made and written."""
    lock = path.with_name(f".{path.name}.lock")
    try:
        make_private_directory(path.parent)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | _NOFOLLOW, 0o600)
    except OSError as error:
        raise _failed(path, "written", error) from error
    try:
        _lock(handle, path)
        yield
    finally:
        os.close(handle)  # gives the lock back, as the end of the process does


def make_private_directory(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_strange(path)


def _lock(handle: int, path: Path) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            if sys.platform == "win32":
                import msvcrt  # noqa: PLC0415

                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl  # noqa: PLC0415

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if time.monotonic() > deadline:
                raise _failed(path, "locked (another window is writing it)", error) from error
            time.sleep(0.02)
        else:
            return


def _refuse_strange(path: Path) -> None:
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        raise _strange(path, "is a symbolic link")
    if sys.platform != "win32" and found.st_uid != os.geteuid():
        raise _strange(path, "belongs to another user")


def _sync_directory(path: Path) -> None:
    if sys.platform != "win32":  # where a directory cannot be opened
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _strange(path: Path, why: str) -> Failure:
    return Failure(FailureKind.REFUSED, f"{path} {why}.", "It is not used. Move it away or put a plain file there.")


def _failed(path: Path, verb: str, error: OSError) -> Failure:
    reason = error.strerror or str(error)
    return Failure(FailureKind.REFUSED, f"{path} could not be {verb}: {reason}.", "Check its permissions and the disk.")
