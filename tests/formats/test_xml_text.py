import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.decode import decode
from kexplorer.formats.text import Kind
from kexplorer.formats.xml_text import NotXml, pretty_lines


def test_the_layout() -> None:
    text = (
        '<?xml version="1.0"?>\n<!-- <a> --><s:order id="7" n=\'a > b\'><to>Zürich</to><empty/><p></p><p>one<b>two</b>'
        " three\n four</p><raw><![CDATA[5 < 6 & </b>]]></raw>\n\n</s:order>\n"
    )
    assert list(pretty_lines(text)) == [
        '<?xml version="1.0"?>',
        "<!-- <a> -->",
        "<s:order id=\"7\" n='a > b'>",
        "  <to>Zürich</to>",
        "  <empty/>",
        "  <p></p>",
        "  <p>one",
        "    <b>two</b>",
        "    three",
        "    four",
        "  </p>",
        "  <raw><![CDATA[5 < 6 & </b>]]></raw>",
        "</s:order>",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<a>\n<br></a>", "line 2: </a> where </br> should end"),
        ("<a></a></b>", "line 1: </b> where nothing should end"),
        ("<a><b></b>", "line 1: </a> is missing"),
        ("<a/><b/>", "line 1: a second element beside the first"),
        ("<a/>\ntext", "line 2: text outside of the element"),
        ("<!-- only -->", "line 1: there is no element"),
        ("<a b=c></a>", "line 1: no tag ends what <a b=c></a> begins"),
        ("<a>1 < 2</a>", "line 1: no tag ends what < 2</a> begins"),
    ],
)
def test_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(NotXml) as wrong:
        list(pretty_lines(text))
    assert str(wrong.value) == why


def test_a_log_line_in_brackets_is_text_and_an_order_is_xml() -> None:
    assert decode(b"<INFO> the <b> of it").kind is Kind.TEXT
    decoded = decode(b"\xef\xbb\xbf <order><id>7</id></order>")
    assert (decoded.kind, decoded.why) == (Kind.XML, "XML")
    assert list(decoded.pretty() or ()) == ["<order>", "  <id>7</id>", "</order>"]


def test_entities_are_shown_and_neither_expanded_nor_fetched() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;"><!ENTITY f SYSTEM "file:///etc/hostname">]><a>&y;&f;</a>'
    decoded = decode(bomb.encode())
    assert decoded.kind is Kind.XML
    assert list(decoded.pretty() or ())[-1] == "<a>&y;&f;</a>"


def test_the_beginning_of_a_large_one_and_a_deep_one() -> None:
    rows = "<row><id>1</id><name>Zoë</name></row>" * 20_000
    decoded = decode(f"<rows>{rows}</rows>".encode())
    assert (decoded.kind, decoded.complete) == (Kind.XML, False)
    assert decoded.why == "XML as far as its first 65.5 kB tell"
    assert decode(f"<rows>{rows}</rows>".encode(), None).why == "XML"
    deep = ("<a>" * 100_000 + "</a>" * 100_000).encode()
    assert decode(deep, None).kind is Kind.XML


@given(st.text("<>/ab!-[]?='\" \n&;C"))
def test_only_white_space_differs(text: str) -> None:
    try:
        lines = list(pretty_lines(f"<a>{text}</a>"))
    except NotXml:
        return
    assert "".join("".join(lines).split()) == "".join(f"<a>{text}</a>".split())
