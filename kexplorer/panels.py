"""Which panel a key names, and what it is made with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from kexplorer.model.profile import Profile
from kexplorer.services.searches import Searches
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import topics_in

if TYPE_CHECKING:
    from kexplorer.explorer import Explorer
    from kexplorer.services.sessions import Session

# Panels are imported when the first one is opened: a start needs none.
# ruff: noqa: PLC0415


def make_panel(explorer: Explorer, key: str) -> Panel | None:
    """None for a key of ui/panels/keys.py that names no panel, or one of a connection that is gone."""
    kind, *rest = key.split("/")
    panel = None
    if not rest and kind in _OF_ALL:
        panel = _OF_ALL[kind](explorer)
    elif rest and kind in _OF_A_CLUSTER and (profile := explorer.profile(unquote(rest[0]))):
        make, parts = _OF_A_CLUSTER[kind]
        panel = make(explorer, profile, *rest[1:]) if len(rest) == 1 + parts else None
    if panel is not None:
        panel.set_zone(explorer.zone)
    return panel


def _audit(explorer: Explorer) -> Panel:
    from kexplorer.ui.panels.audit import AuditPanel

    return AuditPanel(explorer.home.audit.lines, explorer.home.audit.export)


def _alerts(explorer: Explorer) -> Panel:
    from kexplorer.ui.panels.alerts import AlertsPanel

    return AlertsPanel(explorer.home.alert_rules, explorer.home.alert_log.lines, explorer.clusters.use_rules)


def _config_check(_explorer: Explorer) -> Panel:
    from kexplorer.ui.panels.config_check import ConfigCheckPanel

    return ConfigCheckPanel()


def _overview(explorer: Explorer, profile: Profile) -> Panel:
    from kexplorer.ui.panels.overview import OverviewPanel

    return OverviewPanel(profile, _session(explorer, profile), _details(explorer, profile))


def _topics(explorer: Explorer, profile: Profile) -> Panel:
    from kexplorer.ui.panels.topics import TopicsPanel

    together, favourites = partial(explorer.open_together, profile.name), explorer.home.favourites(profile.name)
    session, details = _session(explorer, profile), _details(explorer, profile)
    clusters, copy = explorer.clusters.connected, explorer.copier.start
    panel = TopicsPanel(profile, session, together, details, favourites, clusters, copy)
    panel.views.wanted.connect(partial(explorer.views.show, profile.name))
    return panel


def _topic(explorer: Explorer, profile: Profile, topic: str) -> Panel:
    from kexplorer.ui.panels.topic import TopicPanel

    count = partial(explorer.clusters.count, profile)
    panel = TopicPanel(profile, unquote(topic), _session(explorer, profile), count, explorer.jobs)
    panel.doctor_wanted.connect(partial(explorer.open_doctor, profile.name, f"topic:{unquote(topic)}"))
    panel.consumer_wanted.connect(partial(explorer.views.trial, profile.name, f"topic:{unquote(topic)}"))
    return panel


def _access(explorer: Explorer, profile: Profile) -> Panel:
    from kexplorer.ui.panels.access import AccessPanel

    return AccessPanel(profile, _session(explorer, profile))


def _groups(explorer: Explorer, profile: Profile) -> Panel:
    from kexplorer.ui.panels.groups import GroupsPanel

    opened = partial(explorer.open_group, profile.name)
    return GroupsPanel(profile, _session(explorer, profile), opened, explorer.home.snapshots)


def _group(explorer: Explorer, profile: Profile, group: str) -> Panel:
    from kexplorer.ui.panels.group import GroupPanel

    panel = GroupPanel(profile, unquote(group), _session(explorer, profile), explorer.home.snapshots)
    panel.doctor_wanted.connect(partial(explorer.open_doctor, profile.name, f"group:{unquote(group)}"))
    panel.consumer_wanted.connect(partial(explorer.views.trial, profile.name, f"group:{unquote(group)}"))
    return panel


def _doctor(explorer: Explorer, profile: Profile, subject: str) -> Panel:
    from kexplorer.ui.panels.doctor import DoctorPanel

    show = partial(explorer.show_where, profile.name)
    return DoctorPanel(profile, unquote(subject), _session(explorer, profile), show)


def _lag(explorer: Explorer, profile: Profile) -> Panel:
    from kexplorer.ui.panels.lag import LagPanel

    return LagPanel(profile, _session(explorer, profile), explorer.home.lag)


def _messages(explorer: Explorer, profile: Profile, topics: str) -> Panel:
    from kexplorer.ui.panels.messages import MessagesPanel

    names = topics_in(topics)
    search = partial(explorer.clusters.search, profile)
    searches = Searches(profile.name, explorer.home.scans, explorer.home.filters, search)
    session = _session(explorer, profile)
    memory, compression = explorer.page_bytes, partial(explorer.clusters.compression, profile)
    panel = MessagesPanel(profile, names, session, searches, explorer.exporter, memory, compression)
    panel.details_wanted.connect(_details(explorer, profile))
    panel.records.resend_wanted.connect(partial(explorer.resend, profile.name))
    panel.views.wanted.connect(
        lambda view, topics: explorer.views.show(profile.name, view, topics, panel.view.selected_records())
    )
    return panel


def _produce(explorer: Explorer, profile: Profile, topic: str) -> Panel:
    from kexplorer.ui.panels.produce import ProducePanel

    shown = partial(explorer.show_message, profile.name), partial(explorer.show_isolation, profile.name)
    session, templates = _session(explorer, profile), explorer.home.templates
    return ProducePanel(profile, unquote(topic), session, explorer.jobs, templates, *shown)


def _replays(explorer: Explorer, profile: Profile) -> Panel:
    from kexplorer.ui.panels.replays import ReplaysPanel

    plan, run = partial(explorer.views.plan, profile.name), partial(explorer.views.run, profile.name)
    return ReplaysPanel(profile, explorer.replays, plan, run)


def _plan(explorer: Explorer, profile: Profile) -> Panel:
    from kexplorer.ui.panels.replay_plan import PlanPanel

    session, sessions = _session(explorer, profile), explorer.clusters.session
    lacking = explorer.clusters.lacking
    panel = PlanPanel(profile, session, explorer.profiles, sessions, explorer.home.replays, lacking)
    panel.start_wanted.connect(partial(explorer.views.start, profile.name))
    return panel


def _replay_run(explorer: Explorer, profile: Profile, plan: str) -> Panel:
    from kexplorer.ui.panels.replay_run import ReplayRunPanel

    path = Path(unquote(plan))
    panel = ReplayRunPanel(profile, path, explorer.replays, partial(explorer.views.plan, profile.name))
    panel.message_wanted.connect(lambda *place: explorer.show_message(panel.source_profile, *place))
    return panel


def _dead_letters(explorer: Explorer, profile: Profile, topic: str) -> Panel:
    from kexplorer.ui.panels.dead_letters import DeadLettersPanel

    session, home = _session(explorer, profile), explorer.home
    panel = DeadLettersPanel(profile, unquote(topic), session, home.dead_letters, home.replays)
    panel.plan_wanted.connect(partial(explorer.views.plan, profile.name))
    panel.resend_wanted.connect(lambda record, _topic: explorer.resend(profile.name, record))
    panel.message_wanted.connect(partial(explorer.show_message, profile.name))
    return panel


def _entity(explorer: Explorer, profile: Profile, topics: str) -> Panel:
    from kexplorer.ui.panels.entity import EntityPanel

    search = partial(explorer.clusters.search, profile)
    panel = EntityPanel(profile, topics_in(topics), _session(explorer, profile), search)
    panel.message_wanted.connect(partial(explorer.show_message, profile.name))
    return panel


def _latest(explorer: Explorer, profile: Profile, topics: str) -> Panel:
    from kexplorer.ui.panels.latest import LatestPanel

    gather = partial(explorer.clusters.gather, profile)
    panel = LatestPanel(profile, topics_in(topics), _session(explorer, profile), gather, explorer.jobs)
    panel.message_wanted.connect(partial(explorer.show_message, profile.name))
    panel.entity_wanted.connect(lambda topic, key: explorer.views.entity(profile.name, [topic], key))
    return panel


def _correlation(explorer: Explorer, profile: Profile, topics: str) -> Panel:
    from kexplorer.ui.panels.correlation import CorrelationPanel

    search = partial(explorer.clusters.search, profile)
    panel = CorrelationPanel(profile, topics_in(topics), _session(explorer, profile), search, explorer.jobs)
    panel.message_wanted.connect(partial(explorer.show_message, profile.name))
    return panel


def _trial(explorer: Explorer, profile: Profile, subject: str) -> Panel:
    from kexplorer.ui.panels.trial_consumer import TrialConsumerPanel

    join = partial(explorer.clusters.join, profile)
    panel = TrialConsumerPanel(profile, unquote(subject), _session(explorer, profile), join, explorer.home.audit)
    panel.group_wanted.connect(partial(explorer.open_group, profile.name))
    return panel


def _session(explorer: Explorer, profile: Profile) -> Callable[[], Awaitable[Session]]:
    return partial(explorer.clusters.session, profile.name)


def _details(explorer: Explorer, profile: Profile) -> Callable[[str], None]:
    return partial(explorer.open_details, profile.name)


_OF_ALL: dict[str, Callable[[Explorer], Panel]] = {"alerts": _alerts, "audit": _audit, "check": _config_check}
_OF_A_CLUSTER: dict[str, tuple[Callable[..., Panel], int]] = {  # and how many parts follow the profile in the key
    "overview": (_overview, 0),
    "topics": (_topics, 0),
    "topic": (_topic, 1),
    "access": (_access, 0),
    "groups": (_groups, 0),
    "group": (_group, 1),
    "lag": (_lag, 0),
    "doctor": (_doctor, 1),
    "replays": (_replays, 0),
    "replay": (_plan, 0),
    "replay-run": (_replay_run, 1),
    "dead": (_dead_letters, 1),
    "entity": (_entity, 1),
    "latest": (_latest, 1),
    "correlation": (_correlation, 1),
    "consumer": (_trial, 1),
    "messages": (_messages, 1),
    "produce": (_produce, 1),
}
