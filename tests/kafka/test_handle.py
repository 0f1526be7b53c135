"""One thread a handle: order, limits, and what happens around the end."""

import asyncio
import threading
import time
from functools import partial

import pytest

from kexplorer.kafka.handle import HandleThread
from kexplorer.model.failure import Failure, FailureKind
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until


def test_calls_run_in_order_in_one_thread_that_is_not_ours(aio: LoopRunner) -> None:
    thread = HandleThread("test")
    order: list[int] = []

    def work(n: int) -> int:
        order.append(n)
        return threading.get_ident()

    async def ask() -> list[int]:
        calls = [thread.call(partial(work, n), what="Work", within=5) for n in range(50)]
        return await asyncio.gather(*calls)

    idents = aio.run(ask())
    thread.finish()
    assert order == list(range(50))
    assert len(set(idents)) == 1
    assert threading.get_ident() not in idents


def test_a_call_that_takes_too_long_is_a_failure_that_names_it(aio: LoopRunner) -> None:
    thread = HandleThread("test")
    release = threading.Event()
    with pytest.raises(Failure) as raised:
        aio.run(thread.call(release.wait, what="Counting sheep", within=0.1))
    assert raised.value.kind is FailureKind.TIMEOUT
    assert "Counting sheep" in raised.value.message
    release.set()
    assert aio.run(thread.call(lambda: 7, what="More", within=5)) == 7
    thread.finish()


def test_a_cancelled_call_that_waits_is_not_made_and_logs_nothing(aio: LoopRunner) -> None:
    thread = HandleThread("test")
    release = threading.Event()
    made: list[str] = []

    async def ask() -> None:
        running = asyncio.create_task(thread.call(release.wait, what="First", within=5))
        waiting = asyncio.create_task(thread.call(lambda: made.append("second"), what="Second", within=5))
        await asyncio.sleep(0.05)
        running.cancel()
        waiting.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)

    aio.run(ask())
    release.set()
    assert aio.run(thread.call(lambda: 1, what="Third", within=5)) == 1
    assert made == []
    thread.finish()


def test_a_cancellation_that_comes_together_with_the_answer_is_not_lost(aio: LoopRunner) -> None:
    """A panel that closes just when its answer comes must not go on as if it were open."""
    thread = HandleThread("test")

    async def ask() -> bool:
        task = asyncio.create_task(thread.call(lambda: 1, what="Answering", within=5))
        await asyncio.sleep(0)  # the call is made
        thread.submit(lambda: None).result(5)  # and answered, which the loop has not heard yet
        await asyncio.sleep(0)  # now it has, the caller has not
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled()

    assert aio.run(ask())
    thread.finish()


def test_an_answer_that_comes_behind_the_end_of_the_loop_disturbs_nobody() -> None:
    """A window closes while a call is stuck in a frozen broker. The guards see the log and the threads."""
    thread = HandleThread("test")
    release = threading.Event()

    async def leave() -> None:
        task = asyncio.create_task(thread.call(release.wait, what="Stuck", within=5))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(leave())
    thread.finish()
    release.set()


def test_after_the_end_calls_fail_at_once(aio: LoopRunner) -> None:
    thread = HandleThread("test")
    thread.finish()
    thread.finish()
    begun = time.monotonic()
    with pytest.raises(Failure, match="closed"):
        aio.run(thread.call(lambda: 1, what="Late", within=5))
    assert time.monotonic() - begun < 4


def test_exceptions_reach_the_caller(aio: LoopRunner) -> None:
    thread = HandleThread("test")
    with pytest.raises(ZeroDivisionError):
        aio.run(thread.call(lambda: 1 // 0, what="Dividing", within=5))
    assert aio.run(thread.call(lambda: 1, what="Going on", within=5)) == 1
    thread.finish()


@pytest.mark.expect_log("serving the client's callbacks failed")
def test_a_failing_callback_does_not_end_the_thread(aio: LoopRunner) -> None:
    fell = threading.Event()

    def idle() -> None:
        if not fell.is_set():
            fell.set()
            raise RuntimeError("a callback fell over")

    thread = HandleThread("test", idle)
    aio.run(until(fell.is_set))
    assert aio.run(thread.call(lambda: 1, what="Going on", within=5)) == 1
    thread.finish()


def test_a_large_answer_is_not_kept(aio: LoopRunner) -> None:
    """The thread waits for hours between calls; the last answer must not wait with it."""
    thread = HandleThread("test")
    gone = threading.Event()

    class Large:
        def __del__(self) -> None:
            gone.set()

    aio.run(thread.call(Large, what="Making", within=5))
    assert gone.wait(1)
    thread.finish()
