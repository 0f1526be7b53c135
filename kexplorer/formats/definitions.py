"""The definition of a topic as text that others take: JSON, Terraform, Strimzi. A command: formats/commands.py."""

from __future__ import annotations

import hashlib
import json
import re

from kexplorer.model.changes import CreateTopic

_PLAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")  # a name in Kubernetes (RFC 1123)
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,18})")


def as_json(topic: CreateTopic) -> str:
    """An object with name, partitions, replication and configs."""
    shown = {
        "name": topic.name,
        "partitions": topic.partitions,
        "replication": topic.replication,
        "configs": dict(sorted(topic.configs.items())),
    }
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def as_terraform(topic: CreateTopic) -> str:
    """A kafka_topic of the provider Mongey/kafka."""
    label = re.sub(r"[^a-zA-Z0-9_-]", "_", topic.name)
    label = label if label[:1].isalpha() or label[:1] == "_" else f"topic_{label}"
    lines = [
        f"resource {_hcl('kafka_topic')} {_hcl(label)} {{",
        f"  name               = {_hcl(topic.name)}",
        f"  partitions         = {topic.partitions}",
        f"  replication_factor = {topic.replication}",
    ]
    if topic.configs:
        entries = [f"    {_hcl(key)} = {_hcl(value)}" for key, value in sorted(topic.configs.items())]
        lines += ["", "  config = {", *entries, "  }"]
    return "\n".join([*lines, "}"]) + "\n"


def as_strimzi(topic: CreateTopic) -> str:
    """A KafkaTopic for Strimzi 0.49 or newer. The label of the cluster is for the reader to fill in."""
    plain = bool(_PLAIN.fullmatch(topic.name))
    lines = [
        "apiVersion: kafka.strimzi.io/v1",
        "kind: KafkaTopic",
        "metadata:",
        f"  name: {_yaml(topic.name if plain else _resource_name(topic.name))}",
        "  labels:",
        "    strimzi.io/cluster: my-cluster",
        "spec:",
        *([] if plain else [f"  topicName: {_yaml(topic.name)}"]),
        f"  partitions: {topic.partitions}",
        f"  replicas: {topic.replication}",
    ]
    if topic.configs:
        lines += ["  config:", *(f"    {key}: {_scalar(value)}" for key, value in sorted(topic.configs.items()))]
    return "\n".join(lines) + "\n"


def _hcl(text: str) -> str:
    """A quoted string of Terraform's language, without its templates."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def _scalar(value: str) -> str:
    """Numbers and booleans stay what they are, everything else is a string."""
    return value if value in ("true", "false") or _NUMBER.fullmatch(value) else _yaml(value)


def _yaml(text: str) -> str:
    """A string of YAML: in quotes (those of JSON) where it would be something else without."""
    plain = re.fullmatch(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*", text)
    words = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
    return text if plain and text not in words else json.dumps(text, ensure_ascii=False)


def _resource_name(topic: str) -> str:
    """With a hash, since two topics may differ only in what a name in Kubernetes cannot have."""
    kept = re.sub(r"[^a-z0-9.-]+", "-", topic.lower()).strip(".-")[:200]
    return f"{kept}-{hashlib.sha256(topic.encode()).hexdigest()[:8]}".lstrip("-")
