"""Expressions on keys and values that may have a schema: they see the JSON that it makes of them."""

from __future__ import annotations

from collections.abc import Sequence

from kexplorer.formats.decoded_fields import PartReader, names_schema
from kexplorer.formats.evaluate import compile_tree
from kexplorer.formats.expression import Call, Constant, Node, Operation, Path, children
from kexplorer.formats.filters import Filter, Matches, _all, _expression, _names, _possible
from kexplorer.formats.payloads import FewFields, Undecodable
from kexplorer.formats.rows import Row, Run
from kexplorer.formats.schemas import SchemaSource
from kexplorer.model.records import Header
from kexplorer.model.schemas import Part


class BySchema:
    """First what can be decided with neither key nor value, then with the key alone. A record is Undecodable only where
    these leave it open, but whatever else may hold beside what cannot be read: `or` and `not` make no match of it."""

    def __init__(self, tree: Node, topic: str, now: int, prefilter: bool, schemas: SchemaSource) -> None:
        at_once, by_key, late = _stages(tree)
        self._at_once, self._by_key = (
            compile_tree(_all(each), topic, now)[0] if each else _yes for each in (at_once, by_key)
        )
        self._last: Run = _yes
        fields: FewFields | None = None
        if late:
            self._last, fields = compile_tree(_all(late), topic, now)
        self._possible = _possible(_all(late)) if late and prefilter else None
        self._decode = fields.decode if fields else None
        self._reader = PartReader(schemas, topic)
        self._read = _payloads(tree, nulls=True)
        self._looked_into = _payloads(tree, nulls=False)
        names = _names(tree)
        self.filter = Filter(
            self._matches if self._read & self._reader.always else self._unless_plain(tree, topic, now, prefilter),
            needs_key="key" in names or (self._reader.is_kafkas_own and "value" in self._read),
            needs_value=bool(names & {"value", "size"}),
            needs_headers=bool(self._read or names & {"headers", "headers_all"}),
        )

    def _unless_plain(self, tree: Node, topic: str, now: int, prefilter: bool) -> Matches:
        """What shows no sign of a schema costs no more than where there are none."""
        plain, matches = _expression(tree, topic, now, prefilter).matches, self._matches

        def either(
            key: bytes | None,
            value: bytes | None,
            headers: Sequence[Header] | None,
            partition: int,
            offset: int,
            timestamp: int | None,
        ) -> bool | Undecodable:
            if (value and not value[0]) or (key and not key[0]) or (headers and names_schema(None, headers)):
                return matches(key, value, headers, partition, offset, timestamp)
            return plain(key, value, headers, partition, offset, timestamp)

        return either

    def _matches(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[Header] | None,
        partition: int,
        offset: int,
        timestamp: int | None,
    ) -> bool | Undecodable:
        rest = (headers, partition, offset, timestamp, value)
        if not self._at_once((None, value, key, *rest)):
            return False
        known_key = self._known(key, Part.KEY, headers, key)
        if isinstance(known_key, Undecodable):
            return known_key
        if not self._by_key((None, value, known_key, *rest)):
            return False
        known = self._known(value, Part.VALUE, headers, key)
        if isinstance(known, Undecodable):
            return known
        if self._possible and not (known and self._possible(known)):
            return False
        document = self._decode(known) if self._decode and known else None
        return bool(self._last((document, known, known_key, *rest)))

    def _known(
        self, data: bytes | None, part: Part, headers: Sequence[Header] | None, key: bytes | None
    ) -> bytes | Undecodable | None:
        if not data or part not in self._read:
            return data
        found = self._reader.as_json(data, part, headers, key)
        return data if isinstance(found, Undecodable) and part not in self._looked_into else found


def _yes(_row: Row) -> bool:
    return True


def _stages(tree: Node) -> tuple[tuple[Node, ...], ...]:
    """The conditions, all of which must hold: those that read neither key nor value, the key alone, and the others."""
    whole = tree.operands if isinstance(tree, Operation) and tree.operator == "and" else (tree,)
    reads = [_payloads(each, nulls=True) for each in whole]
    return tuple(
        tuple(each for each, its in zip(whole, reads, strict=True) if stage(its))
        for stage in (lambda its: not its, lambda its: its == {"key"}, lambda its: "value" in its)
    )


def _payloads(tree: Node, *, nulls: bool) -> set[str]:
    """Which of "key" and "value" have to be read; without `nulls`, for more than to tell whether they are null."""
    match tree:
        case Call("exists", (Path(steps=()),)):
            return set()
        case Call("is_null", (Path(steps=()),)) | Operation(
            "==" | "!=", (Path(steps=()), Constant(None)) | (Constant(None), Path(steps=()))
        ) if not nulls:
            return set()
        case Path(base):
            return {base} & {"key", "value"}
    return {base for child in children(tree) for base in _payloads(child, nulls=nulls)}
