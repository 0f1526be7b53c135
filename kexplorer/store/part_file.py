"""A file that a person asked for: it gets its name when it is whole, and replaces nothing unless that was said."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from kexplorer.model.failure import Failure, FailureKind

_BUFFER = 1 << 20  # bytes; records are small, and each write to the disk is a hop out of Python
_HINTS = {
    errno.ENOSPC: "Free some space, or choose another disk.",
    errno.EDQUOT: "Free some space, or choose another disk.",
    errno.EFBIG: "Choose another disk, or export less at once.",
    errno.EACCES: "Choose a folder that you may write to.",
    errno.EPERM: "Choose a folder that you may write to.",
    errno.EROFS: "Choose a folder that you may write to.",
    errno.ENOENT: "There is no such folder: make it, or choose another.",
    errno.ENOTDIR: "There is no such folder: make it, or choose another.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


def is_taken(path: Path) -> bool:
    """Whether a file is there that would be replaced. Raises `Failure` for a place where nothing can be written."""
    try:
        with _telling(path):
            if not stat.S_ISDIR(os.stat(path.parent).st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            if not os.access(path.parent, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            if _mode(_part_of(path)) is not None:
                raise _in_the_way(path)
            mode = _mode(path)
    except ValueError:  # a NUL, half a character
        raise Failure(FailureKind.INVALID, "The path holds a character that no path can.", "Choose another.") from None
    if mode is not None and not stat.S_ISREG(mode):
        raise Failure(FailureKind.REFUSED, f"{path} is no regular file.", "Choose another name.")
    return mode is not None


class PartFile:
    """`file` is written as NAME.part until `take_name`. Neither a write that failed nor one that was not finished
    leaves anything under the name itself; what a killed process leaves is NAME.part.

    Raises `Failure` if the name is taken and `replace` is not set, if there is a NAME.part already, or if the place
    cannot be written to.
    """

    def __init__(self, path: Path, *, replace: bool) -> None:
        self.path, self.part = path, _part_of(path)
        self._replace = replace
        if is_taken(path) and not replace:
            raise Failure(FailureKind.REFUSED, f"{path} exists already.", "Choose another name, or let it be replaced.")
        with self.telling():
            try:
                handle = os.open(self.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
            except FileExistsError:
                raise _in_the_way(path) from None
            self.file: BinaryIO = open(handle, "wb", buffering=_BUFFER)  # noqa: SIM115  (until `close`)

    def telling(self) -> contextlib.AbstractContextManager[None]:
        """Whoever writes to `file` does it in here: what the disk refuses becomes a `Failure`."""
        return _telling(self.path)

    def close(self) -> int:
        """All is on the disk. Returns its size in bytes."""
        with self.telling():
            self.file.flush()
            os.fsync(self.file.fileno())
            nbytes = self.file.tell()
            self.file.close()
            return nbytes

    def take_name(self) -> None:
        """Only behind `close`. A `Failure` if a file of that name has come meanwhile: NAME.part then stays, it is
        whole."""
        with self.telling():
            if not self._replace:
                try:
                    os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
                except FileExistsError:
                    hint = f"The export is whole in {self.part}: rename it."
                    raise Failure(FailureKind.REFUSED, f"{self.path} was made by another meanwhile.", hint) from None
            os.replace(self.part, self.path)

    def discard(self) -> None:
        """Removes NAME.part, as far as the disk lets."""
        with contextlib.suppress(OSError):
            self.file.close()
        with contextlib.suppress(OSError):
            os.unlink(self.part)


@contextlib.contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        hint = _HINTS.get(error.errno or 0, "Check the disk, or choose another.")
        raise Failure(FailureKind.REFUSED, f"{path} could not be written: {reason}.", hint) from error


def _mode(path: Path) -> int | None:
    """None if nothing is there."""
    try:
        return os.lstat(path).st_mode
    except FileNotFoundError:
        return None


def _part_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _in_the_way(path: Path) -> Failure:
    text = f"{_part_of(path)} is there: another export writes it, or one was interrupted."
    return Failure(FailureKind.REFUSED, text, "Delete it, or choose another name.")
