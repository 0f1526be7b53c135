"""Work that belongs to a part of the window ends with it."""

import asyncio

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.ui.tasks import Tasks
from tests.rig.loops import LoopRunner


def test_closing_waits_for_what_was_cancelled_before(aio: LoopRunner) -> None:
    left: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            left.append("done")

    async def look() -> None:
        tasks = Tasks(lambda failure: None)
        tasks.start("read", work())
        await asyncio.sleep(0)
        tasks.start("read", work())  # the first is cancelled
        await asyncio.sleep(0)
        tasks.cancel("read")
        assert not tasks.running("read")
        await tasks.close()
        assert left == ["done", "done"]

    aio.run(look())


def test_a_failure_is_shown(aio: LoopRunner) -> None:
    shown: list[Failure] = []
    failure = Failure(FailureKind.REFUSED, "no")

    async def fail() -> None:
        raise failure

    async def look() -> None:
        tasks = Tasks(shown.append)
        tasks.start("read", fail())
        while tasks.running("read"):  # noqa: ASYNC110
            await asyncio.sleep(0)

    aio.run(look())
    assert shown == [failure]
