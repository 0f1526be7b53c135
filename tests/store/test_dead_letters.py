"""Which letters are done is there at the next start, and what a person took back stays so."""

from pathlib import Path

import pytest

from kexplorer.model.dead_letters import DeadLetterRule
from kexplorer.model.failure import Failure
from kexplorer.store.dead_letters import DeadLetterMarks
from tests.rig.loops import LoopRunner


def test_marks_are_kept_by_cluster_and_topic(aio: LoopRunner, tmp_path: Path) -> None:
    store = DeadLetterMarks(tmp_path / "state" / "letters.db")

    async def story() -> None:
        await store.mark("c", "t", [(0, 1), (1, 1 << 40)])
        await store.mark("c", "t", [(0, 1)])
        await store.mark("c", "new", [(0, 9)])
        again = DeadLetterMarks(store.path)
        assert await again.done("c", "t") == {(0, 1), (1, 1 << 40)}
        assert await again.done("other", "t") == set()
        await again.unmark("c", "t", [(0, 1), (5, 5)])
        assert await store.done("c", "t") == {(1, 1 << 40)}
        assert await store.done("c", "new") == {(0, 9)}

    aio.run(story())
    assert store.path.stat().st_mode & 0o077 == 0


def test_a_replay_marks_its_letters_once(aio: LoopRunner, tmp_path: Path) -> None:
    store = DeadLetterMarks(tmp_path / "letters.db")

    async def story() -> None:
        await store.mark("c", "t", [(0, 1), (0, 2)], "redrive-1")
        await store.unmark("c", "t", [(0, 2)])
        await store.mark("c", "t", [(0, 1), (0, 2)], "redrive-1")
        assert await store.done("c", "t") == {(0, 1)}
        await store.mark("c", "t", [(0, 2)], "redrive-2")
        assert await store.done("c", "t") == {(0, 1), (0, 2)}

    aio.run(story())


def test_a_topic_keeps_its_rule(aio: LoopRunner, tmp_path: Path) -> None:
    store = DeadLetterMarks(tmp_path / "letters.db")
    rule = DeadLetterRule('headers["x-topic"]', error='"ü"')

    async def story() -> None:
        await store.keep_rule("c", "orders.dlq", DeadLetterRule("topic"))
        await store.keep_rule("c", "orders.dlq", rule)
        assert await store.rule("c", "orders.dlq") == rule
        assert await store.rule("c", "other") is None
        await store.keep_rule("c", "orders.dlq", None)
        assert await store.rule("c", "orders.dlq") is None

    aio.run(story())


def test_a_damaged_file_is_told(aio: LoopRunner, tmp_path: Path) -> None:
    (tmp_path / "letters.db").write_bytes(b"no database" * 100)
    with pytest.raises(Failure, match=r"letters\.db could not be used"):
        aio.run(DeadLetterMarks(tmp_path / "letters.db").done("c", "t"))
