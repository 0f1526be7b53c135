"""Plans of replays on disk: what was written is read again, and what is wrong is told by line and key."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.replay import Guarantee, Pace, Place, Plan, Policy, ReplaySource, ReplayTarget, Rewrite
from kexplorer.model.search import FilterKind
from kexplorer.model.topics import TopicPartition
from kexplorer.store.plans import edited_text, load_plan, parse_plan, plan_text, save_plan

SMALL = """\
job = "orders-1"

[source]
bootstrap = "localhost:9092"
topics = ["orders"]

[target]
profile = "staging"

[target.topics]
orders = "orders-copy"
"""

_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
_rates = st.none() | st.floats(0.5, 1e9) | st.integers(1, 10**9).map(float)
_topics = st.lists(st.from_regex(r"[a-z.]{1,8}", fullmatch=True), min_size=1, max_size=3, unique=True)


@st.composite
def _plans(draw: st.DrawFn) -> Plan:
    topics = tuple(draw(_topics))
    rows = st.tuples(st.sampled_from(topics), st.integers(0, 9)).map(lambda pair: TopicPartition(*pair))
    offsets = st.lists(st.integers(0, 2**60), min_size=1, max_size=3, unique=True).map(lambda each: tuple(sorted(each)))
    policy = draw(st.sampled_from(Policy))
    return Plan(
        draw(st.from_regex(r"[a-zA-Z0-9._-]{1,20}", fullmatch=True)),
        ReplaySource(
            Place(profile=draw(_texts)),
            topics,
            draw(st.none() | st.lists(st.integers(0, 99), min_size=1, max_size=4).map(tuple)),
            draw(_texts),
            draw(_texts),
            text := draw(st.just("") | _texts),
            draw(st.sampled_from(FilterKind)) if text else FilterKind.EXPRESSION,
            dict(sorted(draw(st.dictionaries(rows, offsets, max_size=2)).items())),
        ),
        ReplayTarget(
            Place(bootstrap=draw(_texts)),
            {topic: draw(_texts) + "-to" for topic in topics},
            draw(st.dictionaries(_texts, _texts, max_size=2)),
        ),
        Rewrite(
            draw(st.just("") | _texts),
            draw(st.just("") | _texts),
            draw(st.just("") | _texts),
            draw(st.just("") | _texts),
            draw(st.just("") | _texts),
            headers=draw(st.dictionaries(_texts, _texts, max_size=2)),
            remove_headers=tuple(draw(st.lists(_texts, max_size=2))),
        ),
        Pace(draw(_rates), draw(_rates), draw(_rates), draw(st.floats(0, 1e6))),
        guarantee := draw(st.sampled_from(Guarantee)),
        policy,
        "QUARANTINE" if policy is Policy.QUARANTINE else "",
        draw(st.sampled_from([None, True] if guarantee is Guarantee.AT_LEAST_ONCE else [None, True, False])),
        draw(st.integers(1, 9)),
        draw(st.booleans()),
    )


@given(_plans())
def test_a_plan_is_read_as_it_was_written(plan: Plan) -> None:
    assert parse_plan(plan_text(plan)) == plan


def test_a_file_says_little_where_much_is_as_by_default(tmp_path: Path) -> None:
    plan = parse_plan(SMALL)
    assert plan.guarantee is Guarantee.EXACTLY_ONCE
    assert plan.policy is Policy.STOP
    assert plan.source.partitions is None
    assert not plan.marks
    save_plan(tmp_path / "plan.toml", plan)
    assert load_plan(tmp_path / "plan.toml") == plan
    assert "pace" not in (tmp_path / "plan.toml").read_text()


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (SMALL.replace("job =", "jobb ="), "line 1, key jobb", "not a key of a plan"),
        (
            SMALL.replace('profile = "staging"', 'profile = "staging"\nspeed = 3'),
            "line 9, key target.speed",
            "not a key",
        ),
        (SMALL.replace('"orders-1"', '"a b"'), "line 1, key job", "no name for a job"),
        (SMALL.replace('["orders"]', "[]"), "line 5, key source.topics", "it is empty"),
        (SMALL.replace('["orders"]', '"orders"'), "line 5, key source.topics", "does not fit"),
        (SMALL.replace('["orders"]', "[7]"), "line 5, key source.topics", "does not fit"),
        (SMALL.replace("orders =", "other ="), "key target.topics", "there is no target for orders"),
        (SMALL.replace("bootstrap", "profile").replace("profile", "# "), "key source", "it names no cluster"),
        (SMALL + '[pace]\nrecords = "fast"\n', "line 13, key pace.records", "does not fit"),
        (SMALL + "[pace]\nrecords = true\n", "line 13, key pace.records", "does not fit"),
        (SMALL + "[pace]\nbytes = 0\n", "line 13, key pace.bytes", "0 is no rate"),
        (SMALL + "[change.headers]\na = 3\n", "key change.headers", "not a table of texts"),
        ('policy = "quarantine"\n' + SMALL, "key quarantine", "no topic for what cannot be written"),
        ('policy = "ignore"\n' + SMALL, "line 1, key policy", "“ignore” is not known"),
        ('guarantee = "at-least-once"\nmarkers = false\n' + SMALL, "line 2, key markers", "needs them"),
        (SMALL.replace("[target.topics]", 'selected = [["x", -1, 3]]\n'), "key target.selected", "not a key"),
        (SMALL.replace('["orders"]', '["orders"]\nselected = [["orders", -1, 3]]'), "line 6", "is no record"),
        (SMALL + "x = [", "plan.toml", "end of document"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_key(text: str, line: str, says: str) -> None:
    with pytest.raises(Failure) as caught:
        parse_plan(text, "plan.toml")
    assert caught.value.kind is FailureKind.INVALID
    assert line in caught.value.message
    assert says in caught.value.message


def test_many_selected_records_take_few_characters() -> None:
    chosen = {TopicPartition("orders", 0): (3, 4, 5, 9), TopicPartition("orders", 2): (7,)}
    plan = parse_plan(SMALL)
    plan = replace(plan, source=replace(plan.source, selected=chosen))
    assert '["orders", 0, "3-5,9"]' in plan_text(plan)
    assert parse_plan(plan_text(plan)) == plan
    first = TopicPartition("orders", 0)
    assert len(plan_text(replace(plan, source=replace(plan.source, selected={first: tuple(range(100_000))})))) < 500
    for spans, says in (("5-3", "holds no record"), ("0-9999999", "more than 1,000,000"), ("3,", "is no record")):
        with pytest.raises(Failure, match=says):
            parse_plan(SMALL.replace('["orders"]', f'["orders"]\nselected = [["orders", 0, "{spans}"]]'))


def test_a_file_that_is_not_there_or_not_utf8_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="There is no file"):
        load_plan(tmp_path / "none.toml")
    (tmp_path / "odd.toml").write_bytes(b'job = "a"\nx = "\xff"\n')
    with pytest.raises(Failure, match="line 2: not UTF-8"):
        load_plan(tmp_path / "odd.toml")


WRITTEN = """\
# every Monday
job = "orders-1"  # never the same twice
verify = true

[source]
profile = "shop"  # read-only
topics = ["orders"]

[target]
profile = "lab"
# what becomes of each
topics = { orders = "copy" }

[change.fields]
"value.card" = '"***"'  # masked
"""


def test_what_a_person_wrote_stays_where_it_does_not_change() -> None:
    before = parse_plan(WRITTEN)
    after = replace(
        before,
        source=replace(before.source, topics=("orders", "bills"), start="last:1h"),
        target=replace(before.target, topics={"orders": "copy", "bills": "copy"}),
        rewrite=replace(before.rewrite, drop="value.test", fields={}),
        pace=Pace(records=500),
        markers=True,
    )
    edited = edited_text(WRITTEN, before, after)
    assert parse_plan(edited) == after
    for comment in ("# every Monday", "# never the same twice", "# read-only", "# what becomes of each"):
        assert comment in edited
    assert "verify = true" in edited
    assert edited_text(WRITTEN, before, before) == WRITTEN


@settings(max_examples=25)  # tomlkit is slow
@given(_plans(), _plans())
def test_an_edited_text_says_what_the_new_plan_is(before: Plan, after: Plan) -> None:
    assert parse_plan(edited_text(plan_text(before), before, after)) == after


def test_a_plan_that_is_not_finished_can_be_read_and_written(tmp_path: Path) -> None:
    plan = Plan("job", ReplaySource(Place(), ()), ReplayTarget(Place(), {}))
    assert parse_plan(plan_text(plan), finished=False) == plan
    save_plan(tmp_path / "new folder" / "plan.toml", plan)
    with pytest.raises(Failure, match="key source: it names no cluster"):
        load_plan(tmp_path / "new folder" / "plan.toml")
