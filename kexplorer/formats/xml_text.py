"""XML laid out for reading, tag by tag: nothing is parsed, expanded or fetched. Only white space differs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kexplorer.formats.text import visible

_NAME = r"[A-Za-z_:\u0080-\U0010ffff][\w:.\-\u0080-\U0010ffff]*+"
_VALUE = r"""(?:"[^"<]*+"|'[^'<]*+')"""
# Groups: name of an opening tag, "/" of an empty one; name of a closing tag; a declaration, comment or CDATA; text.
_TOKEN = re.compile(
    rf"<({_NAME})(?:\s++{_NAME}\s*+=\s*+{_VALUE})*+\s*+(/?)>"
    rf"|</({_NAME})\s*+>"
    r"|(<\?.*?\?>|<!--.*?-->|<!\[CDATA\[.*?\]\]>|<!DOCTYPE(?:[^\[<>\"']|\"[^\"]*+\"|'[^']*+')*+(?:\[[^\]]*+\]\s*+)?+>)"
    r"|([^<]++)",
    re.DOTALL,
)
_LONGEST_UNCLOSED = 65_536  # characters of a tag or comment that the end of a beginning may split
_INDENTED_DEPTH = 64


class NotXml(ValueError):  # noqa: N818 - it is an answer rather than an error
    """Why, with the line."""


def looks_like_xml(data: bytes) -> bool:
    """A guess from the first bytes: a tag, a comment or a declaration begins."""
    head = data[:256].removeprefix(b"\xef\xbb\xbf").lstrip()
    return re.match(rb"<(?:[A-Za-z_:\x80-\xff]|\?xml|!--|!DOCTYPE)", head) is not None


def pretty_lines(text: str, indent: int = 2, *, partial: bool = False) -> Iterator[str]:
    """A line for each tag; an element that holds nothing but text stays on one. Raises NotXml when it comes to the
    mistake; where a `partial` text ends is none."""
    layout = _Layout(text.removeprefix("\ufeff"), indent)
    yield from layout.lines(partial=partial)


class _Layout:
    def __init__(self, text: str, indent: int) -> None:
        self._text = text
        self._indent = indent
        self._open: list[str] = []  # names of the elements around here
        self._rooted = False
        self._line = ""  # what may get more behind it,
        self._leaf = False  # because it is an opening tag that has nothing but text behind it

    def lines(self, *, partial: bool) -> Iterator[str]:
        at = 0
        while at < len(self._text):
            match = _TOKEN.match(self._text, at)
            if not match:
                if partial and len(self._text) - at <= _LONGEST_UNCLOSED:
                    yield from self._put(self._text[at:])
                    break
                raise self._wrong(at, f"no tag ends what {visible(self._text[at : at + 12])} begins")
            yield from self._token(match)
            at = match.end()
        yield from self._put("")
        if not partial and (self._open or not self._rooted):
            raise self._wrong(at, f"</{visible(self._open[-1])}> is missing" if self._open else "there is no element")

    def _token(self, match: re.Match[str]) -> Iterator[str]:
        opened, empty, closed, aside, text = match.groups()
        if opened:
            if self._rooted and not self._open:
                raise self._wrong(match.start(), "a second element beside the first")
            self._rooted = True
            yield from self._put(match[0])
            if not empty:
                self._open.append(opened)
                self._leaf = True
        elif closed:
            yield from self._close(match, closed)
        elif aside and not aside.startswith("<![CDATA["):
            yield from self._put(aside)
        elif not self._open and match[0].strip():
            raise self._wrong(match.end() - len(match[0].lstrip()), "text outside of the element")
        elif text is None or text.strip():
            yield from self._inside(match[0])

    def _close(self, match: re.Match[str], name: str) -> Iterator[str]:
        if not self._open or self._open[-1] != name:
            wanted = f"</{visible(self._open[-1])}>" if self._open else "nothing"
            raise self._wrong(match.start(), f"</{visible(name)}> where {wanted} should end")
        self._open.pop()
        if self._leaf:
            self._line += match[0]
            self._leaf = False
        else:
            yield from self._put(match[0])

    def _inside(self, text: str) -> Iterator[str]:
        if self._leaf and "\n" not in text:
            self._line += text
        else:
            for line in text.strip().split("\n"):
                yield from self._put(line.strip() if not text.startswith("<![CDATA[") else line)

    def _put(self, text: str) -> Iterator[str]:
        """`text` begins a line; the one before is done."""
        if self._line.strip():
            yield from self._line.split("\n")
        self._leaf = False
        self._line = " " * (self._indent * min(len(self._open), _INDENTED_DEPTH)) + text

    def _wrong(self, at: int, why: str) -> NotXml:
        return NotXml(f"line {self._text.count(chr(10), 0, at) + 1}: {why}")
