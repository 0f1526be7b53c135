"""Which panel a key names, and what it is made with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from kexplorer.services.searches import Searches
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import audit_key

if TYPE_CHECKING:
    from kexplorer.explorer import Explorer

# Panels are imported when the first one is opened: a start needs none.
# ruff: noqa: PLC0415, PLR0911


def make_panel(explorer: Explorer, key: str) -> Panel | None:
    """None for a key of ui/panels/keys.py that names no panel, or one of a connection that is gone."""
    panel = _made(explorer, key)
    if panel is not None:
        panel.set_zone(explorer.zone)
    return panel


def _made(explorer: Explorer, key: str) -> Panel | None:
    if key == audit_key():
        from kexplorer.ui.panels.audit import AuditPanel

        return AuditPanel(explorer.home.audit.lines, explorer.home.audit.export)
    kind, *rest = key.split("/")
    profile = explorer.profile(unquote(rest[0])) if rest else None
    if profile is None:
        return None
    name = profile.name
    session, details = partial(explorer.session, name), partial(explorer.open_details, name)
    match kind, *map(unquote, rest[1:]):
        case ["topics"]:
            from kexplorer.ui.panels.topics import TopicsPanel

            together, favourites = partial(explorer.open_together, name), explorer.home.favourites(name)
            return TopicsPanel(profile, session, together, details, favourites, explorer.connected)
        case ["topic", topic]:
            from kexplorer.ui.panels.topic import TopicPanel

            return TopicPanel(profile, topic, session, partial(explorer.count, profile), explorer.jobs)
        case ["overview"]:
            from kexplorer.ui.panels.overview import OverviewPanel

            return OverviewPanel(profile, session, details)
        case ["access"]:
            from kexplorer.ui.panels.access import AccessPanel

            return AccessPanel(profile, session)
        case ["messages", _]:
            from kexplorer.ui.panels.messages import MessagesPanel

            topics = [unquote(topic) for topic in rest[1].split("+")]
            searches = Searches(name, explorer.home.scans, explorer.home.filters, partial(explorer.search, profile))
            panel = MessagesPanel(
                profile,
                topics,
                session,
                searches,
                explorer.exporter,
                lambda: explorer.window.page_memory << 20,
            )
            panel.details_wanted.connect(details)
            panel.records.resend_wanted.connect(partial(explorer.resend, name))
            return panel
        case ["produce", topic]:
            from kexplorer.ui.panels.produce import ProducePanel

            shown = partial(explorer.show_message, name), partial(explorer.show_isolation, name)
            return ProducePanel(profile, topic, session, explorer.jobs, explorer.home.templates, *shown)
    return None
