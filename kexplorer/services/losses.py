"""Settings by which brokers delete records."""

from __future__ import annotations

_LOWERED = (
    *("retention.ms", "retention.bytes", "log.retention.ms"),
    *("log.retention.minutes", "log.retention.hours", "log.retention.bytes"),
)


def loses(name: str, old: str | None, new: str | None) -> str:
    """What is lost, in a sentence, when the setting goes from `old` to `new`; "" for nothing. None: not known."""
    if new is None or old == new:
        return ""
    if name in _LOWERED and _is_less(new, old):
        return f"{name} is lowered: brokers delete records beyond it within minutes."
    added = set(new.replace(" ", "").split(",")) - set((old or "").replace(" ", "").split(","))
    if name.endswith("cleanup.policy") and "delete" in added:
        return "With the policy delete, brokers delete records that are older or more than retention allows."
    if name.endswith("cleanup.policy") and "compact" in added:
        return "With the policy compact, older records of each key are deleted, and records without a key are refused."
    return ""


def _is_less(new: str, old: str | None) -> bool:
    """-1 stands for no limit; what is unknown counts as no limit."""
    try:
        after, before = int(new), int(old) if old else -1
    except ValueError:
        return False
    return after >= 0 and (before < 0 or after < before)
