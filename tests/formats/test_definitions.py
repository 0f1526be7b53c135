"""Definitions of topics as other tools read them."""

from __future__ import annotations

import json

import pytest

from kexplorer.formats.definitions import as_json, as_strimzi, as_terraform
from kexplorer.model.changes import CreateTopic

TOPIC = CreateTopic("orders", 6, 3, {"retention.ms": "-1", "cleanup.policy": "compact,delete", "preallocate": "true"})


def test_json() -> None:
    assert json.loads(as_json(TOPIC)) == {
        "name": "orders",
        "partitions": 6,
        "replication": 3,
        "configs": {"cleanup.policy": "compact,delete", "preallocate": "true", "retention.ms": "-1"},
    }


def test_terraform() -> None:
    assert (
        as_terraform(TOPIC)
        == """resource "kafka_topic" "orders" {
  name               = "orders"
  partitions         = 6
  replication_factor = 3

  config = {
    "cleanup.policy" = "compact,delete"
    "preallocate" = "true"
    "retention.ms" = "-1"
  }
}
"""
    )


def test_terraform_names_and_templates() -> None:
    text = as_terraform(CreateTopic("4.orders", 1, 1, {"k": 'a"${x}%{y}'}))
    assert 'resource "kafka_topic" "topic_4_orders" {' in text
    assert '"k" = "a\\"$${x}%%{y}"' in text


def test_strimzi() -> None:
    assert (
        as_strimzi(TOPIC)
        == """apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata:
  name: orders
  labels:
    strimzi.io/cluster: my-cluster
spec:
  partitions: 6
  replicas: 3
  config:
    cleanup.policy: "compact,delete"
    preallocate: true
    retention.ms: -1
"""
    )


@pytest.mark.parametrize("name", ["Orders", "a_b", "_internal", "x" * 249 + "_", "1e3_"])
def test_names_that_kubernetes_refuses_are_told_apart(name: str) -> None:
    lines = as_strimzi(CreateTopic(name, 1, 1)).splitlines()
    resource = lines[3].removeprefix("  name: ").strip('"')
    assert resource != name
    assert len(resource) <= 253
    assert resource == resource.lower()
    assert "_" not in resource
    assert resource[0].isalnum()
    assert f'topicName: "{name}"' in as_strimzi(CreateTopic(name, 1, 1)) or f"topicName: {name}" in lines[7]
    assert as_strimzi(CreateTopic(name.lower() + "_", 1, 1)).splitlines()[3] != lines[3]


@pytest.mark.parametrize("name", ["1", "true", "12.5", "null", "1e3"])
def test_a_name_stays_text_in_yaml(name: str) -> None:
    assert f'  name: "{name}"' in as_strimzi(CreateTopic(name, 1, 1)).splitlines()
