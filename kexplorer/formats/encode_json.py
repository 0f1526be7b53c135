"""JSON values that are held to a JSON Schema: https://json-schema.org/specification

By the library jsonschema, but nothing is fetched: what a schema refers to is among its references, or it is not there.
And patterns are run by RE2, in linear time; one that RE2 does not know, with look-around, is not checked.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin

from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.regex import compile_regex
from kexplorer.formats.typed import Misfit, expected, spoken
from kexplorer.model.failure import Failure

_LONGEST_REASON = 200  # characters
_MOST_NAMED = 8
_MOST_REFS = 50_000


class JsonChecker:
    """`references`: name and text of what the schema refers to. Raises Unreadable for a schema that is none."""

    def __init__(self, schema: str | bytes, references: Iterable[tuple[str, str | bytes]] = ()) -> None:
        validators: Any = importlib.import_module("jsonschema.validators")  # 70 ms
        self._exceptions: Any = importlib.import_module("jsonschema.exceptions")
        try:
            loaded = json.loads(schema)
            kind = validators.validator_for(loaded, default=validators.Draft202012Validator)
            kind.check_schema(loaded)
            registry = _registry(loaded, [(name, json.loads(text)) for name, text in references])
        except self._exceptions.SchemaError as error:
            raise Unreadable(f"the schema is no JSON Schema: {error.message[:_LONGEST_REASON]}") from None
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Unreadable(f"the schema is no JSON Schema: {error}") from None
        checks = {
            "pattern": self._pattern,
            "patternProperties": _pattern_properties,
            "additionalProperties": self._additional_properties,
            "$ref": self._ref,
            "multipleOf": self._multiple_of,
        }
        extended = validators.extend(kind, checks)
        self._validator = extended(loaded, registry=registry, format_checker=kind.FORMAT_CHECKER)
        self._plain_ref = kind.VALIDATORS["$ref"]
        self._refs = 0  # that were followed for one value
        self.name = str(loaded.get("title", "")) if isinstance(loaded, dict) else ""

    def check(self, value: Any) -> None:
        """Raises Misfit."""
        self._refs = 0
        unresolvable = importlib.import_module("referencing.exceptions").Unresolvable
        try:
            error = self._exceptions.best_match(self._validator.iter_errors(_with_floats(value)))
        except unresolvable as wrong:
            raise Misfit(f"the schema refers to “{wrong.ref}”, which is not there") from None
        except (RecursionError, ArithmeticError) as wrong:
            raise Misfit(f"it cannot be checked: {wrong}") from None
        if error is not None:
            raise Misfit(_reason(error), tuple(error.absolute_path))

    def _ref(self, validator: Any, reference: str, value: Any, schema: Any) -> Any:
        """Two of them in each of a few schemas would otherwise take for ever."""
        self._refs += 1
        if self._refs > _MOST_REFS:
            raise Misfit("the schema refers to itself too often to be checked")
        return self._plain_ref(validator, reference, value, schema)

    def _multiple_of(self, validator: Any, step: Any, value: Any, _schema: Any) -> Iterator[Any]:
        """In decimals: as floats, 0.3 is no multiple of 0.1."""
        if validator.is_type(value, "number") and not _is_multiple(value, step):
            yield self._exceptions.ValidationError(f"{spoken(value)} is not a multiple of {step}")

    def _pattern(self, _validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[Any]:
        if isinstance(value, str) and not _found(pattern, value, unknown=True):
            yield self._exceptions.ValidationError(f"{spoken(value)} does not match the pattern {pattern}")

    def _additional_properties(self, validator: Any, allowed: Any, value: Any, schema: Any) -> Iterator[Any]:
        if not isinstance(value, dict):
            return
        named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        for name, each in value.items():
            if name in named or any(_found(pattern, name, unknown=False) for pattern in patterns):
                continue
            if allowed is False:
                yield self._exceptions.ValidationError("the schema has no such property", path=(name,))
            else:
                yield from validator.descend(each, allowed, path=name)


def _is_multiple(value: Any, step: Any) -> bool:
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    try:
        return Decimal(str(value)) % Decimal(str(step)) == 0
    except ArithmeticError:  # more digits than that has
        return False


def _pattern_properties(validator: Any, patterns: Any, value: Any, _schema: Any) -> Iterator[Any]:
    for pattern, schema in patterns.items() if isinstance(value, dict) else ():
        for name, each in value.items():
            if _found(pattern, name, unknown=False):
                yield from validator.descend(each, schema, path=name, schema_path=pattern)


def _found(pattern: str, text: str, *, unknown: bool) -> bool:
    """`unknown`: what a pattern that RE2 does not know counts as."""
    search = _compiled(pattern)
    return unknown if search is None else search(text.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Callable[[bytes], bool] | None:
    try:
        return compile_regex(pattern)
    except Failure:
        return None


def _registry(schema: Any, references: Sequence[tuple[str, Any]]) -> Any:
    """Each reference by its name, by what that is relative to the schema, and by its own $id."""
    referencing: Any = importlib.import_module("referencing")
    draft: Any = importlib.import_module("referencing.jsonschema").DRAFT202012
    base = str(schema.get("$id", "")) if isinstance(schema, dict) else ""
    registry = referencing.Registry()
    for name, text in references:
        resource = referencing.Resource.from_contents(text, default_specification=draft)
        names = (name, urljoin(base, name), *filter(None, [resource.id()]))
        registry = registry.with_resources((each, resource) for each in names)
    return registry


def _with_floats(value: Any) -> Any:
    """What the library can compute with."""
    match value:
        case Decimal():
            return float(value)
        case dict():
            return {name: _with_floats(each) for name, each in value.items()}
        case list():
            return [_with_floats(each) for each in value]
    return value


def _reason(error: Any) -> str:
    wanted, value = error.validator_value, error.instance
    match error.validator:
        case "type":
            return expected(" or ".join(wanted) if isinstance(wanted, list) else wanted, value).reason
        case "enum":
            some = ", ".join(map(spoken, wanted[:_MOST_NAMED])) + (" …" if len(wanted) > _MOST_NAMED else "")
            return expected(f"one of {some}", value).reason
        case "const":
            return expected(spoken(wanted), value).reason
        case "required":
            missing = next(name for name in wanted if name not in value)
            return f"“{missing}” is missing, which is required"
    told: str = error.message
    return told if len(told) <= _LONGEST_REASON else f"it breaks the schema's “{error.validator}”"
