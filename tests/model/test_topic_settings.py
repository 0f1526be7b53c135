"""Names and settings are judged as Kafka judges them, before they are sent."""

import pytest

from kexplorer.model.failure import Failure
from kexplorer.model.topic_settings import PRESETS, TOPIC_SETTINGS, check_setting, check_topic_name, colliding


@pytest.mark.parametrize("name", ["orders", "Orders_v1.2-x", "_", "...", "a" * 249])
def test_names_that_kafka_takes(name: str) -> None:
    check_topic_name(name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "no name"),
        (".", "cannot be a topic name"),
        ("..", "cannot be a topic name"),
        ("a b", "contains ' '"),
        ("größe", "contains 'ö'"),
        ("orders\n", "contains"),
        ("a" * 250, "250 characters"),
    ],
)
def test_names_that_kafka_refuses(name: str, why: str) -> None:
    with pytest.raises(Failure, match=why):
        check_topic_name(name)


def test_dots_and_underscores_collide() -> None:
    assert colliding("a.b", ["x", "a_b"]) == "a_b"
    assert colliding("a_b.c", ["a.b_c"]) == "a.b_c"
    assert colliding("a.b", ["a.b", "a-b"]) is None


@pytest.mark.parametrize("name", TOPIC_SETTINGS)
def test_every_default_is_a_value_that_fits(name: str) -> None:
    check_setting(name, TOPIC_SETTINGS[name].default)
    assert TOPIC_SETTINGS[name].meaning.endswith(".")
    assert TOPIC_SETTINGS[name].allowed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("retention.ms", "-1"),
        ("cleanup.policy", "compact,delete"),
        ("cleanup.policy", "delete, compact"),
        ("compression.gzip.level", "9"),
        ("min.cleanable.dirty.ratio", "1"),
        ("leader.replication.throttled.replicas", "0:1,3:2"),
        ("preallocate", "true"),
    ],
)
def test_values_that_kafka_takes(name: str, value: str) -> None:
    check_setting(name, value)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("retention.ms", "7d", "-1 or more"),
        ("retention.ms", "-2", "-1 or more"),
        ("retention.ms", "٣", "-1 or more"),
        ("max.message.bytes", "2147483648", "0 or more"),
        ("compression.gzip.level", "0", "-1 to 9"),
        ("compression.zstd.level", "23", "to 22"),
        ("cleanup.policy", "keep", "delete, compact"),
        ("cleanup.policy", "delete,delete", "delete, compact"),
        ("cleanup.policy", "", "delete, compact"),
        ("min.cleanable.dirty.ratio", "1.5", "0 to 1"),
        ("preallocate", "yes", "true or false"),
        ("retention", "1", "Did you mean"),
        ("nothing.like.it", "1", "no topic setting"),
    ],
)
def test_values_that_kafka_refuses(name: str, value: str, why: str) -> None:
    with pytest.raises(Failure) as caught:
        check_setting(name, value)
    assert why in str(caught.value)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_presets_fit_and_can_be_written_to_with_any_replication(preset: object) -> None:
    for replication in (1, 2, 3, 5):
        configs = next(each for each in PRESETS if each is preset).configs_for(replication)
        for name, value in configs.items():
            check_setting(name, value)
        assert int(configs.get("min.insync.replicas", 1)) <= max(replication - 1, 1)
