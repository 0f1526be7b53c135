"""What an expression means: its tree becomes nested functions of one record. No Python is generated, none is run.

A missing field counts as null, and a comparison with null is false, `!=` and `not in` too: only `== null`, `!= null`,
`is_null()` and `exists()` ask for it. Texts, numbers and true/false are never converted into each other. A key, value
or header by itself is its text where a text is asked for, else its JSON. The work for a record grows with its size
times the length of the expression, never faster: inside any() and all() there is little but the element.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from kexplorer.formats.comparing import ORDERS, UNKNOWN, Part, absence, constant, equality, listed, order, resolved
from kexplorer.formats.expression import Call, Constant, Field, Listing, Node, Operation, Path, children, wrong
from kexplorer.formats.functions import FUNCTIONS, Function, Kind, calculator, inside, negative, span
from kexplorer.formats.payloads import MISSING, FewFields, can_be_alone
from kexplorer.formats.regex import compile_regex
from kexplorer.formats.rows import (
    DOCUMENT,
    KEY,
    OFFSET,
    PARTITION,
    SENT,
    TIMESTAMP,
    VALUE,
    Row,
    Run,
    all_headers,
    array_steps,
    document_of,
    elements,
    payload,
    text_of,
    walker,
)
from kexplorer.model.failure import Failure


def compile_tree(tree: Node, topic: str, now: int) -> tuple[Run, FewFields | None]:
    """The condition, and how to decode the value for it (None: not at all). `now` is in milliseconds since 1970.

    Raises Failure (INVALID).
    """
    fields = _fields(tree)
    return Compiler(fields, topic, now).condition(tree), fields


def compile_value(tree: Node, topic: str, now: int) -> tuple[Run, FewFields | None]:
    """As `compile_tree`, for an expression of any kind."""
    fields = _fields(tree)
    return Compiler(fields, topic, now).value(tree), fields


def nodes(tree: Node) -> Iterator[Node]:
    yield tree
    for child in children(tree):
        yield from nodes(child)


def decodes_value(tree: Node) -> bool:
    return any(isinstance(node, Path) and _alone(node) for node in nodes(tree))


def _fields(tree: Node) -> FewFields | None:
    alone = {way for node in nodes(tree) if isinstance(node, Path) and (way := _alone(node))}
    return FewFields(alone) if alone else None


def _alone(path: Path) -> tuple[str, ...]:
    """The beginning of a path in the value that can be decoded without the rest of the value."""
    names: list[str] = []
    for step in path.steps if path.base == "value" else ():
        if not isinstance(step, str) or not can_be_alone(step):
            break
        names.append(step)
    return tuple(names)


class Compiler:
    """`_each` is the array that the any() or all() around the current node goes through."""

    def __init__(self, fields: FewFields | None, topic: str, now: int) -> None:
        self._fields = fields
        self._topic = topic
        self._now = now
        self._each: Path | None = None

    def condition(self, node: Node) -> Run:
        part = self._part(node)
        if part.kind is Kind.ANY:
            run = part.run
            return lambda row: run(row) is True
        if part.kind is not Kind.CONDITION:
            wrong(part.column, f"this is {part.kind}, not a condition", 'Compare it: value.status == "FAILED".')
        return part.run

    def value(self, node: Node) -> Run:
        return self._part(node).run

    def _part(self, node: Node) -> Part:
        match node:
            case Constant(value, column):
                return constant(value, column)
            case Listing(_, column):
                wrong(column, "a list can only stand behind in", 'Write value.status in ["A", "B"].')
            case Field(name, column):
                return constant(self._topic, column) if name == "topic" else _field(name, column)
            case Path():
                return self._path(node)
            case Operation():
                return self._operation(node)
        return self._call(node)

    def _operation(self, node: Operation) -> Part:
        column = node.column
        match node.operator, node.operands:
            case ("and" | "or") as word, operands:
                run = _joined(word, [self.condition(each) for each in operands])
            case "not", (operand,):
                run = _negated(self.condition(operand))
            case ("==" | "!=") as operator, (left, right):
                run = equality(self._part(left), self._part(right), operator)
            case ("in" | "not in") as operator, (item, Listing(items)):
                run = listed(self._part(item), [self._part(each) for each in items], operator == "in")
            case ("in" | "not in") as operator, (item, container):
                run = self._contained(item, container, operator == "in")
            case operator, (left, right) if operator in ORDERS:
                run = order(self._part(left), self._part(right), operator)
            case operator, operands:
                function = _NEGATIVE if operator == "negative" else _CALCULATORS[operator]
                return self._applied(function, operands, column)
        return Part(Kind.CONDITION, run, column)

    def _contained(self, item: Node, container: Node, wanted: bool) -> Run:
        self._need_element((item, container))
        x, whole = self._part(item), self._part(container)
        if whole.kind not in (Kind.ANY, Kind.TEXT):
            wrong(whole.column, f"{whole.kind} has no parts", "Look into a text, a field or a list.")
        find, look = resolved(x, whole), resolved(whole, x)
        return lambda row: inside(find(row), look(row)) is wanted

    def _call(self, node: Call) -> Part:
        name, arguments, column = node.name, node.arguments, node.column
        match name, arguments:
            case "contains", (whole, item):
                run = self._contained(item, whole, True)
            case "matches", (whole, Constant(str(pattern), place)):
                run = self._matches(whole, pattern, place)
            case "exists", (Path() as path,):
                run = self._presence(path)
            case "is_null", (Path() as path,):
                run = absence(self._part(path))
            case (("any" | "all"), (condition,)):
                run = self._quantified(name, condition, column)
            case "ago", (Constant(str(length)),) if (before := span(length)) is not None:
                return constant(self._now - before, column)
            case _:
                return self._applied(_function(node), arguments, column)
        return Part(Kind.CONDITION, run, column)

    def _applied(self, function: Function, arguments: Sequence[Node], column: int) -> Part:
        if function.takes is not Kind.NUMBER:
            self._need_element(arguments)
        parts = [self._part(each) for each in arguments]
        for part in parts:
            if Kind.ANY not in (part.kind, function.takes) and part.kind is not function.takes:
                wrong(part.column, f"this is {part.kind}, and {function.takes} is needed", "Use text() or number().")
        as_text = Kind.TEXT in (function.gives, function.takes)
        run = _applied(function.run, [(as_text and each.text) or each.run for each in parts])
        if any(each.constant is UNKNOWN for each in parts):
            return Part(function.gives, run, column)
        result = run(())
        if result is None:
            wrong(column, "this has no value", "A time is written like 2026-11-23T10:00Z; nothing is divided by 0.")
        return Part(function.gives, lambda _row: result, column, result)

    def _matches(self, whole: Node, pattern: str, place: int) -> Run:
        self._need_element((whole,))
        part = self._part(whole)
        if part.kind not in (Kind.ANY, Kind.TEXT):
            wrong(part.column, f"this is {part.kind}, and a text is needed", "Use text().")
        try:
            found, run = compile_regex(pattern), part.text or part.run
        except Failure as failure:
            wrong(place, failure.message.removesuffix("."), failure.hint)

        def matches(row: Row) -> bool:
            x = run(row)
            return x.__class__ is str and found(x.encode("utf-8", "surrogatepass"))

        return matches

    def _presence(self, path: Path) -> Run:
        if path.base in ("value", "key") and not path.steps:
            place = VALUE if path.base == "value" else KEY
            return lambda row: row[place] is not None
        run = self._part(path).run
        return lambda row: run(row) is not MISSING

    def _quantified(self, name: str, condition: Node, column: int) -> Run:
        paths = [node for node in nodes(condition) if isinstance(node, Path) and None in node.steps]
        arrays = {(each.base, each.name, array_steps(each.steps)) for each in paths}
        if self._each or len(arrays) != 1:
            wrong(column, f"{name}() goes through exactly one array", f"Write {_USES[name]}.")
        ((base, header, steps),) = arrays
        first = steps.index(None) if None in steps else len(steps)
        start = self._path(Path(base, header, steps[:first], column)).run
        self._each = Path(base, header, steps, column)
        array, holds, some = elements(start, steps[first:]), self.condition(condition), name == "any"
        self._each = None

        def quantified(row: Row) -> bool:
            found = array(row)
            return found is not None and some == any(holds((*row, each)) is some for each in found)

        return quantified

    def _need_element(self, arguments: Sequence[Node]) -> None:
        """Looking through a large text once for each element would take for ever."""
        for node in (inner for each in arguments for inner in nodes(each)) if self._each else ():
            if isinstance(node, Path) and None not in node.steps:
                hint = "Inside any() and all(), what is not of the element can only be compared or calculated with."
                wrong(node.column, "there is no [*] in this field", hint)

    def _path(self, path: Path) -> Part:
        if None in path.steps:
            if not self._each:
                wrong(path.column, "[*] stands for each element, inside any() or all()", f"Write {_USES['any']}.")
            return Part(Kind.ANY, walker(itemgetter(-1), path.steps[len(self._each.steps) + 1 :]), path.column)
        way = _alone(path)
        if not way:
            self._need_element((path,))
        if path.base == "headers_all":
            return Part(Kind.ANY, all_headers(path.name), path.column)
        if not way or not self._fields:
            data = payload(path.base, path.name)
            text = None if path.steps else text_of(data)
            return Part(Kind.ANY, walker(document_of(data), path.steps), path.column, text=text)
        way = self._fields.decoded(way)
        return Part(Kind.ANY, walker(_attribute(self._fields.attribute(way)), path.steps[len(way) :]), path.column)


_NEGATIVE = Function(negative, Kind.NUMBER, Kind.NUMBER)
_CALCULATORS = {each: Function(calculator(each), Kind.NUMBER, Kind.NUMBER, 2, 2) for each in "+-*/%"}
_USES = {
    "contains": 'contains(value.text, "timeout")',
    "matches": 'matches(value.text, "time ?out")',
    "exists": "exists(value.error)",
    "is_null": "is_null(value.error)",
    "any": "any(value.items[*].qty > 5)",
    "all": "all(value.items[*].qty > 5)",
    "ago": 'timestamp > ago("15m")',
}


def _function(call: Call) -> Function:
    if call.name in _USES:
        wrong(call.column, f"{call.name}() is not used like this", f"Write {_USES[call.name]}.")
    function = FUNCTIONS.get(call.name)
    if not function:
        wrong(call.column, f"there is no function {call.name}()", f"There are {', '.join(sorted(FUNCTIONS | _USES))}.")
    if not function.least <= len(call.arguments) <= function.most:
        some = f"{function.least}" if function.least == function.most else f"{function.least} to {function.most}"
        wrong(call.column, f"{call.name}() takes {some} arguments", "Add some or remove some.")
    return function


def _field(name: str, column: int) -> Part:
    if name == "size":
        return Part(Kind.NUMBER, lambda row: len(row[SENT] or b""), column)
    place = {"partition": PARTITION, "offset": OFFSET, "timestamp": TIMESTAMP}[name]
    return Part(Kind.NUMBER, itemgetter(place), column)


def _attribute(names: str) -> Run:
    get = attrgetter(names)

    def field(row: Row) -> Any:
        try:
            return get(row[DOCUMENT])
        except AttributeError:
            return MISSING

    return field


def _negated(condition: Run) -> Run:
    return lambda row: not condition(row)


def _joined(word: str, conditions: Sequence[Run]) -> Run:
    if len(conditions) == 2:
        first, second = conditions
        if word == "and":
            return lambda row: first(row) and second(row)
        return lambda row: first(row) or second(row)
    if word == "and":
        return lambda row: all(condition(row) for condition in conditions)
    return lambda row: any(condition(row) for condition in conditions)


def _applied(function: Callable[..., Any], runs: Sequence[Run]) -> Run:
    if len(runs) == 1:
        (only,) = runs
        return lambda row: function(only(row))
    if len(runs) == 2:
        first, second = runs
        return lambda row: function(first(row), second(row))
    return lambda row: function(*[run(row) for run in runs])
