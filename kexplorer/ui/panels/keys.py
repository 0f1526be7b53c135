"""The identities of panels: what a saved layout knows of a tab, and all that is needed to make it again."""

from __future__ import annotations

from urllib.parse import quote


def topics_key(profile: str) -> str:
    return f"topics/{quote(profile, safe='')}"


def topic_key(profile: str, topic: str) -> str:
    return f"topic/{quote(profile, safe='')}/{quote(topic, safe='')}"


def messages_key(profile: str, *topics: str) -> str:
    names = "+".join(quote(topic, safe="") for topic in topics)
    return f"messages/{quote(profile, safe='')}/{names}"


def audit_key() -> str:
    return "audit"


def overview_key(profile: str) -> str:
    return f"overview/{quote(profile, safe='')}"


def access_key(profile: str) -> str:
    return f"access/{quote(profile, safe='')}"


def produce_key(profile: str, topic: str = "") -> str:
    """Without a topic: the one that belongs to the connection alone."""
    return f"produce/{quote(profile, safe='')}/{quote(topic, safe='')}"
