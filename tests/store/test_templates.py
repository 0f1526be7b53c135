"""Messages that a person gave a name."""

from pathlib import Path

from kexplorer.model.produce import MessageTemplate
from kexplorer.store.templates import TemplateStore
from tests.rig.loops import LoopRunner

WHOLE = MessageTemplate("orders", "${uuid}", None, (("a", "1"), ("a", None), ("", "")), "3", "text", "json")


def test_a_template_comes_back_as_it_was_saved(aio: LoopRunner, tmp_path: Path) -> None:
    store = TemplateStore(tmp_path / "templates.json")
    named = {"of orders": WHOLE}
    assert aio.run(store.save("of orders", WHOLE)) == named
    assert aio.run(TemplateStore(store.path).load()) == named
    assert aio.run(store.delete("of orders")) == {}
