"""Jobs: what they tell, and who may stop them."""

from __future__ import annotations

from kexplorer.services.jobs import Job, Jobs, JobState


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def new_job(clock: Clock, calls: list[str]) -> Job:
    def call(name: str) -> None:
        calls.append(name)

    return Job("Search", "records", lambda: call("cancel"), lambda: call("pause"), lambda: call("resume"), clock=clock)


def test_rate_and_remaining_time_follow_the_progress() -> None:
    clock = Clock()
    job = new_job(clock, [])
    assert (job.fraction, job.remaining) == (None, None)
    for _ in range(20):
        clock.now += 0.5
        job.advance(job.done + 50, 4000)
    assert round(job.rate) == 100
    assert job.fraction == 0.25
    assert job.remaining == 30
    for _ in range(20):
        clock.now += 0.5
        job.advance(job.done + 100, 4000)
    assert 195 < job.rate < 201


def test_progress_within_one_tick_of_the_clock_is_not_lost() -> None:
    clock = Clock()
    job = new_job(clock, [])
    job.advance(10, 100)
    clock.now += 1
    job.advance(20, 100)
    assert (job.done, job.rate) == (20, 20)


def test_an_empty_job_is_complete() -> None:
    job = new_job(Clock(), [])
    job.advance(0, 0)
    assert job.fraction == 1


def test_pause_resume_cancel_reach_the_owner_once_and_only_when_they_can() -> None:
    calls: list[str] = []
    job = new_job(Clock(), calls)
    job.resume()
    job.pause()
    job.pause()
    assert (job.state, job.remaining) == (JobState.PAUSED, None)
    job.resume()
    job.cancel()
    job.cancel()
    job.pause()
    job.finish()
    assert calls == ["pause", "resume", "cancel"]
    assert job.state == JobState.CANCELLED


def test_a_job_without_pause_cannot_be_paused() -> None:
    job = Job("Export", "records", lambda: None)
    job.pause()
    assert job.state == JobState.RUNNING
    assert not job.can_pause


def test_a_pause_is_not_counted_in_the_rate() -> None:
    clock = Clock()
    job = new_job(clock, [])
    clock.now += 1
    job.advance(100, 1000)
    job.pause()
    clock.now += 1000
    job.resume()
    clock.now += 1
    job.advance(200, 1000)
    assert job.rate == 100


def test_the_list_tells_of_every_change_but_not_of_progress() -> None:
    jobs = Jobs()
    told: list[int] = []
    jobs.watch(lambda: told.append(jobs.active))
    first, second = (jobs.add(new_job(Clock(), [])) for _ in range(2))
    first.advance(1, 2)
    first.pause()
    first.resume()
    first.fail("The broker went away.")
    second.finish("3 matches")
    jobs.clear_ended()
    assert told == [1, 2, 2, 2, 1, 0, 0]
    assert (first.detail, second.detail) == ("The broker went away.", "3 matches")
    assert jobs.all() == ()
