"""The plan of a replay as a person writes it: form and TOML in step, the dry run, files, and when it may begin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QDialog, QLineEdit, QPushButton

from kexplorer.model.access import AclOperation
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.replay import Guarantee, Pace, Place, Plan, Policy, ReplaySource, ReplayTarget, Rewrite
from kexplorer.model.search import FilterKind
from kexplorer.model.topics import TopicPartition
from kexplorer.services.replay_permissions import Permission
from kexplorer.services.sessions import Session
from kexplorer.store.plans import load_plan, save_plan
from kexplorer.ui.panels.replay_plan import PlanPanel
from kexplorer.ui.panels.replay_plan_clusters import Lacking
from kexplorer.ui.panels.replay_plan_form import PlanForm
from kexplorer.ui.panels.replay_plan_places import ClusterBox
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.sessions import click, dialog_of, session_on

pytestmark = pytest.mark.usefixtures("qtbot")
NOW = 1_700_000_000_000
PLACE = Place(bootstrap="127.0.0.1:9092")  # of the fake cluster
PLAN = Plan("job", ReplaySource(PLACE, ("orders",)), ReplayTarget(PLACE, {"orders": "copy"}))
WRITTEN = """\
# every Monday
job = "monday"  # never the same twice

[source]
bootstrap = "127.0.0.1:9092"
topics = ["orders"]

[target]
bootstrap = "127.0.0.1:9092"
topics = { orders = "copy" }

[target.settings]
"compression.type" = "zstd"  # smaller
"""


def _shop() -> FakeCluster:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 2)
    cluster.add_topic("copy", 2)
    for n in range(20):
        cluster.add("orders", b'{"id":%d,"card":"4711"}' % n, b"k%d" % n, partition=n % 2, timestamp=NOW)
    return cluster


async def nothing_lacking(_profile: Profile, _wanted: Sequence[Permission]) -> Sequence[Permission]:
    return ()


@asynccontextmanager
async def _opened(
    folder: Path,
    plan: Plan | Path | None = None,
    cluster: FakeCluster | None = None,
    lacking: Lacking = nothing_lacking,
) -> AsyncIterator[PlanPanel]:
    cluster = cluster or _shop()
    session = session_on(cluster)

    async def opened(_name: str = "") -> Session:
        return session

    panel = PlanPanel(cluster.profile, opened, lambda: [cluster.profile], opened, folder, lacking, plan)
    panel.resize(1000, 640)
    panel.show()
    try:
        yield panel
    finally:
        await panel.close_panel()
        panel.deleteLater()


def _type(line: QLineEdit, text: str) -> None:
    line.setText(text)
    line.textEdited.emit(text)


async def _looked(panel: PlanPanel) -> None:
    panel.look()
    await until(lambda: panel.dry_view.page in ("found", "refused"))


async def _answer(button: str) -> None:
    dialog = await dialog_of(QDialog)
    click(next(each for each in dialog.findChildren(QPushButton) if each.text() == button))


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        Plan("", ReplaySource(Place(), ()), ReplayTarget(Place(), {})),
        Plan(
            "all-of-it",
            ReplaySource(
                Place(profile="far away"),
                ("orders", "bills"),
                (0, 2, 3),
                "last:1h",
                "2026-11-23T10:00",
                " text with blanks ",
                FilterKind.CONTAINS,
                {TopicPartition("orders", 0): (3, 4, 9)},
            ),
            ReplayTarget(Place(bootstrap="other:9092"), {"orders": "a", "bills": "a"}, {"acks": "all"}),
            Rewrite(
                "value.test",
                "value.id",
                "",
                "value.id % 3",
                "null",
                {"value.card": '"***"', "value.name": "null"},
                {"replayed": '"yes"'},
                ("trace", "with, comma"),
            ),
            Pace(1 / 3, 12_345_678.9, 10.125, 0.0625),
            Guarantee.AT_LEAST_ONCE,
            Policy.QUARANTINE,
            "orders.quarantine",
            True,
            7,
            False,
        ),
        replace(PLAN, markers=True),
        replace(PLAN, markers=False, policy=Policy.SKIP, pace=Pace(longest_gap=0.0)),
    ],
)
def test_the_form_keeps_all_of_a_plan(qtloop: LoopRunner, plan: Plan) -> None:
    form = PlanForm({"shop": PLACE})
    told: list[bool] = []
    form.changed.connect(lambda: told.append(True))
    form.show_plan(plan)
    assert form.plan == plan
    assert not told, "nobody has changed anything"
    assert form.removed.cursorPosition() == 0, "a long line shows its beginning"
    form.job.setText("another")
    assert form.plan == replace(plan, job="another")


def test_form_and_toml_stay_in_step_and_comments_stay(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def look() -> None:
        (tmp_path / "monday.toml").write_text(WRITTEN)
        async with _opened(tmp_path, tmp_path / "monday.toml") as panel:
            editor = panel.editor
            await until(lambda: editor.plan.job == "monday")
            assert not panel.why_stay()
            _type(editor.form.drop.line, "value.id == 3")
            _type(editor.form.job, "tuesday")
            editor.setCurrentIndex(1)
            assert 'drop = "value.id == 3"' in editor.toml.text()
            for kept in ("# every Monday", "# never the same twice", '"compression.type" = "zstd"  # smaller'):
                assert kept in editor.toml.text()
            editor.toml.write(editor.toml.text().replace("tuesday", "friday") + "\n[pace]\nrecords = 5\n")
            await until(lambda: editor.plan.job == "friday")
            editor.setCurrentIndex(0)
            assert editor.form.job.text() == "friday"
            assert editor.form.pace.records.value() == 5
            panel.save()
            await until(lambda: not panel.why_stay())
        assert load_plan(tmp_path / "monday.toml") == editor.plan
        assert "# every Monday" in (tmp_path / "monday.toml").read_text()

    qtloop.run(look())


def test_a_mistake_in_the_toml_is_told_by_its_line_and_nothing_typed_is_lost(
    qtloop: LoopRunner, tmp_path: Path
) -> None:
    async def look() -> None:
        async with _opened(tmp_path, PLAN) as panel:
            editor = panel.editor
            editor.setCurrentIndex(1)
            right = editor.toml.text()
            editor.toml.write(right.replace("guarantee", "guaranty"))
            await until(lambda: editor.failure)
            line = right.split("\n").index('guarantee = "exactly-once"') + 1
            assert editor.toml.marked == line
            assert f"line {line}, key guaranty: not a key of a plan" in str(editor.strip.failure)
            assert not editor.isTabEnabled(0)
            assert "guaranty" in editor.text
            panel.look()
            assert panel.strip.failure == editor.failure
            editor.toml.write(right)
            await until(lambda: editor.failure is None)
            assert editor.isTabEnabled(0)
            assert not editor.toml.marked
            assert editor.plan == PLAN

    qtloop.run(look())


def test_what_is_wrong_is_told_where_it_was_typed(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def look() -> None:
        async with _opened(tmp_path) as panel:
            form = panel.editor.form
            panel.look()
            assert "No topic is chosen" in str(panel.strip.failure)
            _type(form.places.rows[0].source, "orders")
            panel.look()
            assert "orders has no target topic" in str(panel.strip.failure)
            _type(form.places.rows[0].target, "copy")
            _type(form.key.line, "value.id +")
            form.key.completer.close()
            await until(lambda: form.key.failure)
            assert str(form.key.failure).startswith("Column 11: ")
            panel.look()
            assert panel.strip.failure == form.key.failure
            _type(form.key.line, "value.id")
            _type(form.records.start, "last:one hour")
            panel.look()
            assert "last:one hour" in str(panel.strip.failure)
            _type(form.records.start, "")
            click(form.fields.add)
            _type(form.fields.rows[0].name.line, "key.card")
            _type(form.fields.rows[0].value.line, '"***"')
            panel.look()
            assert "no field of the value" in str(panel.strip.failure)
            assert panel.dry_view.page == "empty"
            form.fields.rows[0].remove.click()
            await _looked(panel)
            assert panel.dry_view.page == "found"
            assert panel.plan.job.startswith("orders-20")

    qtloop.run(look())


def test_topics_and_fields_are_offered(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def look() -> None:
        async with _opened(tmp_path, PLAN) as panel:
            form = panel.editor.form
            await until(lambda: form.places.rows[0].source.known)
            _type(form.places.rows[0].target, "nowhere")
            assert "There is no topic nowhere" in form.places.rows[0].target.toolTip()
            await until(lambda: form.key.completer.known.find(["value", "card"]))
            form.key.line.setFocus()
            _type(form.key.line, "value.c")
            form.key.line.setCursorPosition(7)
            form.key.completer.ask()
            assert form.key.completer.shown
            assert not form.key.failure, "it is still being completed"

    qtloop.run(look())


def test_a_connection_that_is_made_meanwhile_is_offered(qtloop: LoopRunner) -> None:
    connections = {"shop": PLACE}
    box = ClusterBox("From connection", connections)
    box.show_place(PLACE)
    box.offer({**connections, "lab": Place(profile="lab")})
    names = [box.box.itemText(number) for number in range(box.box.count())]
    assert names == ["shop", "lab", "Other brokers…"]
    assert box.place() == PLACE
    box.show_place(Place(bootstrap="10.0.0.1:9092"))
    assert box.brokers.text() == "10.0.0.1:9092"
    assert box.place() == Place(bootstrap="10.0.0.1:9092")


def test_a_dry_run_shows_records_before_and_after(qtloop: LoopRunner, tmp_path: Path) -> None:
    plan = replace(
        PLAN,
        source=replace(PLAN.source, filter="value.id >= 10"),
        rewrite=Rewrite(drop="value.id == 11", fields={"value.card": '"***"'}, headers={"a": '"b"'}),
    )

    async def look() -> None:
        async with _opened(tmp_path, plan) as panel:
            await _looked(panel)
            view = panel.dry_view
            assert view.summary.text().startswith("10 records, ")
            assert [view.parts.row(n).records for n in range(2)] == [5, 5]
            assert [card.word for card in view.notes.cards] == ["Note", "Order"]
            shown = {view.samples.index(n, 0).data(): n for n in range(view.samples.rowCount())}
            row = shown["orders/0/6"]
            assert [view.samples.index(row, column).data() for column in (1, 2)] == ["copy/0", "value, headers"]
            view.samples_table.selectRow(row)
            left, right = (_lines(side) for side in (view.difference.left, view.difference.right))
            assert '"card": "4711"' in left
            assert '"card": "***"' in right
            assert "header     a = b" in right
            dropped = next(n for n in range(10) if view.samples.row(n).made is None)
            assert view.samples.index(dropped, 2).data() == "left out"

    qtloop.run(look())


def _lines(side: object) -> str:
    side.select_all()  # type: ignore[attr-defined]
    return str(side.selected_text())  # type: ignore[attr-defined]


def test_a_plan_is_refused_with_its_reason_and_cannot_begin(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def look() -> None:
        itself = replace(PLAN, target=ReplayTarget(PLACE, {"orders": "orders"}))
        async with _opened(tmp_path, itself) as panel:
            await _looked(panel)
            card = panel.dry_view.refusal.cards[0]
            assert "orders is a source and a target" in card.text
            assert card.remedy == "Choose another target topic."
            assert not panel.can_start
            assert card.run
            card.run()
            assert panel.editor.currentIndex() == 0
        locked = _shop()
        locked.profile = replace(locked.profile, read_only=True)
        async with _opened(tmp_path, PLAN, locked) as panel:
            await _looked(panel)
            assert "read-only" in panel.dry_view.refusal.cards[0].text
        elsewhere = replace(PLAN, target=ReplayTarget(Place(bootstrap="other:9092"), {"orders": "copy"}))
        async with _opened(tmp_path, elsewhere) as panel:
            await _looked(panel)
            assert "No connection of this window leads to other:9092" in panel.dry_view.refusal.cards[0].text

    qtloop.run(look())


def test_what_a_login_lacks_is_told_before_the_run(qtloop: LoopRunner, tmp_path: Path) -> None:
    silent = Failure(FailureKind.TIMEOUT, "The brokers do not tell.")

    async def may_not_write(_profile: Profile, wanted: Sequence[Permission]) -> Sequence[Permission]:
        return [each for each in wanted if each.operation is AclOperation.WRITE]

    async def says_nothing(_profile: Profile, wanted: Sequence[Permission]) -> Sequence[Permission]:
        raise silent

    async def look() -> None:
        async with _opened(tmp_path, PLAN, lacking=may_not_write) as panel:
            await _looked(panel)
            text = panel.dry_view.refusal.cards[0].text
            assert "the login of the target lacks Write on Topic copy, Write on TransactionalId" in text
            assert "source" not in text
            assert not panel.can_start
        async with _opened(tmp_path, PLAN, lacking=says_nothing) as panel:
            await _looked(panel)
            assert ("Permissions are not known", str(silent)) in [(c.title, c.text) for c in panel.dry_view.notes.cards]
            assert panel.can_start

    qtloop.run(look())


def test_a_replay_begins_behind_a_dry_run_of_the_very_plan(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()
    cluster.profile = Profile("shop", "127.0.0.1:9092", production=True)

    async def look() -> None:
        async with _opened(tmp_path / "plans", PLAN, cluster) as panel:
            started: list[Path] = []
            panel.start_wanted.connect(started.append)
            button, drop = panel.start_button, panel.editor.form.drop.line
            panel.start()
            may = [button.isEnabled()]
            await _looked(panel)
            for text in ("", "value.id == 1", ""):  # the last is that plan again
                _type(drop, text)
                may.append(button.isEnabled())
            assert may == [False, True, False, True]
            panel.start()
            dialog = await dialog_of(QDialog)
            start = next(each for each in dialog.findChildren(QPushButton) if each.text() == "Start")
            assert not start.isEnabled()
            dialog.findChildren(QLineEdit)[0].setText("shop")
            click(start)
            await until(lambda: started)
            assert started == [tmp_path / "plans" / "job.toml"]
            assert load_plan(started[0]) == PLAN
            assert not panel.why_stay()
            assert not button.isEnabled(), "it cannot be started twice"
        assert cluster.applied == []
        assert not cluster.logs[TopicPartition("copy", 0)]

    qtloop.run(look())


def test_a_dry_run_can_be_cancelled(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(tmp_path, PLAN, cluster) as panel:
            await until(lambda: panel.editor.form.places.rows[0].source.known)
            cluster.delay = 60.0
            panel.look()
            await until(lambda: panel.dry_view.page == "waiting")
            panel.cancel()
            assert panel.dry_view.page == "empty"
            assert not panel.can_start
        assert not cluster.open_readers

    qtloop.run(look())


def test_what_is_not_saved_is_asked_for_and_no_plan_is_overwritten(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def look() -> None:
        save_plan(tmp_path / "job.toml", replace(PLAN, verify=False))
        async with _opened(tmp_path, PLAN) as panel:
            panel.save()
            await until(lambda: panel.strip.failure)
            assert "There is a plan" in str(panel.strip.failure)
            assert load_plan(tmp_path / "job.toml").verify is False
            panel.begin()
            await _answer("Cancel")
            assert panel.plan == PLAN
            panel.begin()
            await _answer("Leave it")
            await until(lambda: panel.plan != PLAN)
            assert panel.plan.source.topics == ()
            panel.open_plan(tmp_path / "job.toml")  # nothing is lost, so nobody is asked
            await until(lambda: panel.path)
            assert panel.plan.verify is False

    qtloop.run(look())


def test_a_plan_that_was_run_gets_another_file_with_another_job(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def look() -> None:
        save_plan(tmp_path / "job.toml", PLAN)
        (tmp_path / "job.run").mkdir()
        async with _opened(tmp_path / "plans", tmp_path / "job.toml") as panel:
            await until(lambda: panel.path)
            _type(panel.editor.form.key.line, "value.id")
            panel.save()
            await until(lambda: not panel.why_stay())
            assert panel.path == tmp_path / "job.toml"
            _type(panel.editor.form.job, "again")
            panel.save()
            await until(lambda: not panel.why_stay())
            assert panel.path == tmp_path / "again.toml"
        assert load_plan(tmp_path / "job.toml").job == "job"
        assert load_plan(tmp_path / "again.toml").job == "again"

    qtloop.run(look())


def test_a_plan_comes_back_with_the_layout(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def look() -> None:
        async with _opened(tmp_path, PLAN) as panel:
            _type(panel.editor.form.value.line, "value.card")
            state = panel.save_state()
        async with _opened(tmp_path) as again:
            again.restore_state(state)
            assert again.plan == replace(PLAN, rewrite=Rewrite(value="value.card"))
            assert again.why_stay()
            again.restore_state({"text": 3})
            assert again.plan.job == "job"

    qtloop.run(look())


def test_selected_records_are_shown_and_can_be_given_up(qtloop: LoopRunner, tmp_path: Path) -> None:
    selected = {TopicPartition("orders", 0): (1, 2), TopicPartition("orders", 1): (4,)}

    async def look() -> None:
        async with _opened(tmp_path) as panel:
            panel.show_plan(replace(PLAN, source=replace(PLAN.source, selected=selected)))
            records = panel.editor.form.records
            assert "Only 3 selected records of 2 partitions" in records.selected.text()
            await _looked(panel)
            assert sorted(sample.record.offset for sample in _samples(panel)) == [1, 2, 4]
            click(records.forget)
            assert panel.plan == PLAN
            assert not panel.can_start

    qtloop.run(look())


def _samples(panel: PlanPanel) -> list:  # type: ignore[type-arg]
    model = panel.dry_view.samples
    return [model.row(number) for number in range(model.rowCount())]
