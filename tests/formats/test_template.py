"""Templates make the messages that they say, and are told where they are wrong."""

import importlib.util
import json
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.composing import Composer
from kexplorer.formats.routing import compile_route
from kexplorer.formats.template import Filling, Template
from kexplorer.model.failure import Failure
from kexplorer.model.produce import MessageTemplate, Outgoing

NOW = 1_700_000_000_123


def _filling(**answers: str) -> Filling:
    return Filling(answers, seed=7, clock=lambda: NOW * 1_000_000)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("no place", "no place"),
        ("$${uuid} costs $5", r"\$\{uuid\} costs \$5"),
        ("${uuid}", "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("${now} ${now.s} ${now.iso}", f"{NOW} 1700000000 2023-11-14T22:13:20.123Z"),
        ("${seq}/${seq(100)}", "1/100"),
        ("${random.int(1,9)}", "[1-9]"),
        ("${random.int(-3, -3)}", "-3"),
        ("${random.float(0,1)}", r"0\.\d+"),
        ("${random.text(12)}", "[a-z0-9]{12}"),
        ("${random.bool}", "true|false"),
        ("${choice(NEW, PAID)}", "NEW|PAID"),
        ('${choice("a, }", "a, }")}', r"a, \}"),
        ("${ask:name}!", "Zoë!"),
    ],
)
def test_places_are_filled(text: str, pattern: str) -> None:
    assert re.fullmatch(pattern, Template(text).fill(_filling(name="Zoë")))


def test_all_that_can_be_chosen_is_chosen() -> None:
    template, filling = Template("${choice(a,b,c)}${random.int(1,3)}"), _filling()
    assert {template.fill(filling) for _ in range(500)} == {f"{c}{n}" for c in "abc" for n in (1, 2, 3)}


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("${nope}", "column 1", "there is no “nope”"),
        ("a\n  ${now", "line 2, column 3", "the place has no end"),
        ("x${random.int(9,1)}", "column 2", "does not take (9, 1)"),
        ("${random.int(a,b)}", "column 1", "does not take (a, b)"),
        ("${random.text(1000000000)}", "column 1", "does not take"),
        ("${ask:}", "column 1", "the variable has no name"),
        ("${__import__('os')}", "column 1", "is not understood"),
        ("${uuid(3)}", "column 1", "does not take"),
        ("${choice()}", "column 1", "does not take"),
        ("${now:x}", "column 1", "takes no colon"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, where: str, what: str) -> None:
    with pytest.raises(Failure) as raised:
        Template(text)
    assert raised.value.message.startswith(f"The template, {where}: ")
    assert what in raised.value.message


@given(st.text())
def test_any_text_is_a_template_or_a_failure(text: str) -> None:
    try:
        template = Template(text)
    except Failure:
        return
    if "${" not in text:
        assert template.fill(_filling()) == text


@given(st.text())
def test_what_is_filled_into_json_stays_json(answer: str) -> None:
    template = Template('{"name": "${ask:name}", "n": ${seq}}', json=True)
    assert json.loads(template.fill(_filling(name=answer))) == {"name": answer, "n": 1}


def test_a_variable_without_an_answer_is_asked_for() -> None:
    template = Template("${ask:a} ${ask:b} ${ask:a}")
    assert template.variables == ("a", "b")
    with pytest.raises(Failure, match="The variable “b” has no value"):
        template.fill(_filling(a="1"))


def test_the_same_seed_makes_the_same() -> None:
    template = Template("${uuid} ${random.int(1,1000000)} ${random.text(9)}")
    assert template.fill(_filling()) == template.fill(_filling())
    assert template.fill(Filling()) != template.fill(Filling())


@pytest.mark.skipif(importlib.util.find_spec("faker") is None, reason="the extra faker is not installed")
def test_fake_names_have_a_seed_as_well() -> None:
    name = Template("${faker.name}")
    assert name.fill(_filling()) == name.fill(_filling()) != ""
    for wrong in ("__class__", "nothing_of_the_kind", "add_provider", "random_element_of"):
        with pytest.raises(Failure):
            _filling().fake(wrong)


def test_without_faker_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faker", None)  # as if it were not installed
    with pytest.raises(Failure, match="kexplorer\\[faker\\]"):
        Template("${faker.name}").fill(_filling())


def test_messages_are_composed_one_after_the_other() -> None:
    template = MessageTemplate(
        "",
        "${seq}",
        '{"id": ${seq}, "by": "${ask:who}"}',
        (("n", "${seq}"), ("n", None), ("n", "")),
        value_format="json",
    )
    composer, filling = Composer(template, "orders"), _filling(who='"me"')
    assert composer.variables == ("who",)
    assert composer.compose(filling) == Outgoing(
        "orders", b"1", b'{"id": 1, "by": "\\"me\\""}', [("n", b"1"), ("n", None), ("n", b"")]
    )
    assert composer.compose(filling).key == b"2"


def test_bytes_are_composed_too() -> None:
    composer = Composer(MessageTemplate("t", "00ff${random.int(10,10)}", "AP8=", (), "", "hex", "base64"))
    assert composer.compose(_filling())[:3] == ("t", b"\x00\xff\x10", b"\x00\xff")
    with pytest.raises(Failure, match="The value is no hex"):
        Composer(MessageTemplate("t", value="xy", value_format="hex")).compose(_filling())


@pytest.mark.parametrize(
    ("expression", "partition"),
    [
        ("value.customer % 3", 1),
        ('value.tier == "VIP"', 0),
        ('value.tier == "other"', None),
        ("value.missing", None),
        ("number(key) + 1", 8),
        ('headers["n"] == "5"', 0),
    ],
)
def test_an_expression_chooses_the_partition(expression: str, partition: int | None) -> None:
    outgoing = Outgoing("t", "7", '{"customer": 4, "tier": "VIP"}', [("n", "5")])
    assert compile_route(expression)(outgoing) == partition


@pytest.mark.parametrize("expression", ["value.tier", "value.customer / 3", "0 - 1", "value"])
def test_what_is_no_partition_is_told(expression: str) -> None:
    with pytest.raises(Failure, match="which is no partition"):
        compile_route(expression)(Outgoing("t", None, '{"customer": 4, "tier": "VIP"}'))
