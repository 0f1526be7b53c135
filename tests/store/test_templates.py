"""Messages that a person gave a name."""

from pathlib import Path

from kexplorer.model.produce import MessageTemplate
from kexplorer.model.schemas import SchemaChoice
from kexplorer.store.templates import TemplateStore
from tests.rig.loops import LoopRunner

WHOLE = MessageTemplate("orders", "${uuid}", None, (("a", "1"), ("a", None), ("", "")), "3", "text", "json")
BY_SCHEMA = MessageTemplate(
    key="${seq}",
    value='{"id": ${seq}}',
    key_format="avro",
    value_format="protobuf",
    key_schema=SchemaChoice(),
    value_schema=SchemaChoice("orders-value", 3, None, "shop.Order"),
)


def test_a_template_comes_back_as_it_was_saved(aio: LoopRunner, tmp_path: Path) -> None:
    store = TemplateStore(tmp_path / "templates.json")
    named = {"of orders": WHOLE}
    assert aio.run(store.save("of orders", WHOLE)) == named
    assert aio.run(TemplateStore(store.path).load()) == named
    assert aio.run(store.delete("of orders")) == {}
    assert aio.run(store.save("by schema", BY_SCHEMA)) == {"by schema": BY_SCHEMA}
    assert aio.run(TemplateStore(store.path).load()) == {"by schema": BY_SCHEMA}
