"""The identities of panels: what a saved layout knows of a tab, and all that is needed to make it again."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, unquote


def section_key(profile: str, section: str) -> str:
    """The panel of a row below a cluster in the tree, by that row's name."""
    return f"{section.lower()}/{quote(profile, safe='')}"


def topics_key(profile: str) -> str:
    return section_key(profile, "topics")


def groups_key(profile: str) -> str:
    return section_key(profile, "groups")


def lag_key(profile: str) -> str:
    return section_key(profile, "lag")


def group_key(profile: str, group: str) -> str:
    return f"group/{quote(profile, safe='')}/{quote(group, safe='')}"


def topic_key(profile: str, topic: str) -> str:
    return f"topic/{quote(profile, safe='')}/{quote(topic, safe='')}"


def messages_key(profile: str, *topics: str) -> str:
    return _of_topics("messages", profile, topics)


def audit_key() -> str:
    return "audit"


def overview_key(profile: str) -> str:
    return section_key(profile, "overview")


def access_key(profile: str) -> str:
    return section_key(profile, "access")


def produce_key(profile: str, topic: str = "") -> str:
    """Without a topic: the one that belongs to the connection alone."""
    return f"produce/{quote(profile, safe='')}/{quote(topic, safe='')}"


def config_check_key() -> str:
    return "check"


def doctor_key(profile: str, subject: str = "") -> str:
    """`subject` is "group:NAME" or "topic:NAME", "" for the cluster."""
    return f"doctor/{quote(profile, safe='')}/{quote(subject, safe='')}"


def alerts_key() -> str:
    return "alerts"


def replays_key(profile: str) -> str:
    return section_key(profile, "replays")


def plan_key(profile: str) -> str:
    """Where a replay is planned."""
    return f"replay/{quote(profile, safe='')}"


def run_key(profile: str, plan: str) -> str:
    """`plan` is the path of its file."""
    return f"replay-run/{quote(profile, safe='')}/{quote(plan, safe='')}"


def dead_letters_key(profile: str, topic: str) -> str:
    return f"dead/{quote(profile, safe='')}/{quote(topic, safe='')}"


def entity_key(profile: str, *topics: str) -> str:
    return _of_topics("entity", profile, topics)


def latest_key(profile: str, *topics: str) -> str:
    return _of_topics("latest", profile, topics)


def correlation_key(profile: str, *topics: str) -> str:
    return _of_topics("correlation", profile, topics)


def consumer_key(profile: str, subject: str = "") -> str:
    """Of test consumers. `subject` is "group:NAME" or "topic:NAME", "" for none."""
    return f"consumer/{quote(profile, safe='')}/{quote(subject, safe='')}"


def topics_in(part: str) -> list[str]:
    """Those that the last part of a key names, if that may be several."""
    return [unquote(topic) for topic in part.split("+")]


def _of_topics(kind: str, profile: str, topics: Iterable[str]) -> str:
    return f"{kind}/{quote(profile, safe='')}/{'+'.join(quote(topic, safe='') for topic in topics)}"
