"""A person's regular expressions, run by RE2: in time that grows with the text alone, whatever the pattern."""

from __future__ import annotations

from collections.abc import Callable

import re2  # type: ignore[import-untyped]  # it has no type information

from kexplorer.model.failure import Failure, FailureKind

_LONGEST = 4_000  # characters
_HINTS = {
    "missing )": "Close the group with ). For the character itself write \\(.",
    "unexpected )": "For the character itself write \\).",
    "missing ]": "Close the set with ]. For the character itself write \\[.",
    "no argument for repetition operator": "Put something in front of it, or a \\ for the character itself.",
    "bad repetition operator": "Repeat once only, or put the inner one into (?: ).",
    "invalid repetition size": "At most 1000 repetitions, nested ones multiplied.",
    "trailing \\": "For the character itself write \\\\.",
    "invalid perl operator": "Look-around, conditions and the like are not there: they can take for ever.",
    "invalid escape sequence": "There is no such escape, and no back-reference: those can take for ever.",
    "invalid character class range": "Write the smaller character first, or \\- for the character itself.",
    "pattern too large": "Use smaller repetitions.",
}


def compile_regex(pattern: str, *, case_sensitive: bool = True, literal: bool = False) -> Callable[[bytes], bool]:
    """Whether the pattern is found in some bytes, which are UTF-8. In those that are not, `.` of an ASCII pattern
    stands for a byte.

    `literal` takes all characters of `pattern` for themselves. Raises Failure (INVALID), which says the column.
    """
    if len(pattern) > _LONGEST:
        raise Failure(FailureKind.INVALID, f"The pattern is longer than {_LONGEST:,} characters.", "Shorten it.")
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.case_sensitive = case_sensitive
    options.literal = literal
    try:
        search = re2.compile(pattern.encode(), options).search
        options.encoding = re2.Options.Encoding.LATIN1
        search_bytes = re2.compile(pattern.encode(), options).search
    except re2.error as error:
        raise _explained(pattern, options, error.args[0].decode(errors="replace")) from None
    by_bytes = pattern.isascii()  # bytes of one character would otherwise count as several

    def found(data: bytes) -> bool:
        if search(data):
            return True
        return by_bytes and not data.isascii() and not _is_utf8(data) and bool(search_bytes(data))

    return found


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _explained(pattern: str, options: re2.Options, message: str) -> Failure:
    reason, _, quoted = message.partition(": ")
    hint = _HINTS.get(reason, "See the syntax of RE2 regular expressions.")
    column = _column(pattern, options, reason, quoted)
    return Failure(FailureKind.INVALID, f"The regular expression, column {column}: {message}.", hint)


def _column(pattern: str, options: re2.Options, reason: str, quoted: str) -> int:
    """RE2 quotes the place, or all of the pattern, but gives no position."""
    if quoted and quoted != pattern:
        return max(pattern.rfind(quoted), 0) + 1
    for end in (at + 1 for at, character in enumerate(pattern) if character == ")"):
        try:
            re2.compile(pattern[:end].encode(), options)
        except re2.error as error:
            if error.args[0].startswith(reason.encode()):
                return end
    return len(pattern) + (reason == "missing )")
