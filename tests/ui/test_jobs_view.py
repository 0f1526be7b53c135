"""The jobs strip shows how far each job is, and its buttons do what they say."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel, QProgressBar, QToolButton
from pytestqt.qtbot import QtBot

from kexplorer.services.jobs import Job, Jobs, JobState
from kexplorer.ui.jobs_view import JobsView, describe, duration


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def view(jobs: Jobs, qtbot: QtBot) -> JobsView:
    view = JobsView(jobs)
    qtbot.addWidget(view)
    view.resize(900, 240)
    view.show()
    return view


def pausable(name: str = "Search") -> Job:
    return Job(name, "records", lambda: None, lambda: None, lambda: None)


def buttons(view: JobsView) -> dict[str, QToolButton]:
    return {button.toolTip(): button for button in view.findChildren(QToolButton) if button.isVisible()}


def labels(view: JobsView) -> list[str]:
    return [label.text() for label in view.findChildren(QLabel) if label.isVisible()]


def test_an_empty_list_says_what_will_be_here(view: JobsView) -> None:
    assert "No jobs" in labels(view)


def test_progress_is_seen_without_being_told(view: JobsView, jobs: Jobs, qtbot: QtBot) -> None:
    job = jobs.add(pausable("Search <b>orders</b>"))
    bar = view.findChild(QProgressBar)
    assert bar
    assert bar.maximum() == 0  # moves, while nobody knows the end
    job.advance(30, 120)
    qtbot.waitUntil(lambda: bar.value() == 250 and bar.maximum() == 1000)
    assert "Search <b>orders</b>" in labels(view)
    assert any(text.startswith("25 % · 30 of 120 records") for text in labels(view))


def test_the_buttons_pause_resume_and_cancel(view: JobsView, jobs: Jobs) -> None:
    job = jobs.add(pausable())
    states: list[JobState] = []
    for button in ("Pause", "Resume", "Cancel"):
        buttons(view)[button].click()
        states.append(job.state)
    assert states == [JobState.PAUSED, JobState.RUNNING, JobState.CANCELLED]
    assert buttons(view) == {}
    assert not view._timer.isActive()


def test_what_cannot_be_paused_has_no_such_button(view: JobsView, jobs: Jobs) -> None:
    jobs.add(Job("Export", "records", lambda: None))
    assert list(buttons(view)) == ["Cancel"]


def test_clearing_leaves_what_still_runs(view: JobsView, jobs: Jobs, qtbot: QtBot) -> None:
    jobs.add(pausable("old")).finish()
    jobs.add(pausable("new"))
    qtbot.waitUntil(lambda: {"old", "new"} < set(labels(view)))
    view._clear.click()
    qtbot.waitUntil(lambda: "old" not in labels(view))
    assert "new" in labels(view)


def test_a_job_in_words() -> None:
    job = pausable()
    job.advance(1234, 10_000)
    job.rate = 100
    assert describe(job) == "12 % · 1,234 of 10,000 records · 100/s · 1 min 28 s left"
    job.fail("The broker went away.")
    assert describe(job) == "Failed · 12 % · 1,234 of 10,000 records · The broker went away."


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
