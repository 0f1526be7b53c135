"""Who may do what in a cluster, and how much of it: ACLs, SCRAM users and quotas."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QVBoxLayout, QWidget

from kexplorer.model.access import Acl, Quota
from kexplorer.model.changes import AlterQuota, Change, DeleteAcls, DeleteScram
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.services.sessions import Session
from kexplorer.ui.icons import icon
from kexplorer.ui.lazy_tabs import Entry, LazyTabs
from kexplorer.ui.models.access import AclsModel, Credential, CredentialsModel, QuotasModel, credentials
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.access_tab import AccessTab, Kind
from kexplorer.ui.panels.keys import access_key


async def _credentials(cluster: Cluster) -> Iterable[Credential]:
    return credentials(await cluster.scram_users())


async def _new_acl(parent: QWidget, session: Session, like: Acl | None) -> bool:
    from kexplorer.ui.dialogs.new_acl import new_acl  # noqa: PLC0415  (a panel needs no dialog)

    return await new_acl(parent, session, like)


async def _new_scram_user(parent: QWidget, session: Session, like: Credential | None) -> bool:
    from kexplorer.ui.dialogs.new_scram_user import new_scram_user  # noqa: PLC0415

    return await new_scram_user(parent, session, (like.user, like.mechanism) if like else None)


async def _new_quota(parent: QWidget, session: Session, like: Quota | None) -> bool:
    from kexplorer.ui.dialogs.new_quota import new_quota  # noqa: PLC0415

    return await new_quota(parent, session, like)


def _without_acls(acls: Sequence[Acl]) -> Sequence[Change]:
    return [DeleteAcls(tuple(acls))]


def _without_credentials(rows: Sequence[Credential]) -> Sequence[Change]:
    return [DeleteScram(row.user, row.mechanism) for row in rows]


def _without_quotas(quotas: Sequence[Quota]) -> Sequence[Change]:
    return [AlterQuota(quota.entity, resets=tuple(key for key, _ in quota.limits)) for quota in quotas]


KINDS: Mapping[str, Kind[Any]] = {
    "acls": Kind(
        title="ACLs",
        one="ACL",
        many="ACLs",
        icon="access",
        none="Only super users may do anything, unless the brokers have allow.everyone.if.no.acl.found=true.",
        model=AclsModel,
        fetch=lambda cluster: cluster.acls(),
        create=_new_acl,
        deletions=_without_acls,
        edit="New like this…",
    ),
    "scram": Kind(
        title="SCRAM users",
        one="SCRAM user",
        many="SCRAM users",
        icon="key",
        none="Nobody can log in with SCRAM-SHA-256 or SCRAM-SHA-512.",
        model=CredentialsModel,
        fetch=_credentials,
        create=_new_scram_user,
        deletions=_without_credentials,
        edit="New password…",
    ),
    "quotas": Kind(
        title="Quotas",
        one="quota",
        many="quotas",
        icon="gauge",
        none="Every user, client and address may take as much as it gets.",
        model=QuotasModel,
        fetch=lambda cluster: cluster.quotas(),
        create=_new_quota,
        deletions=_without_quotas,
        edit="Edit…",
    ),
}


class AccessPanel(Panel):
    """Its tabs are made when they are first seen. `open_session` connects when that is needed."""

    def __init__(self, profile: Profile, open_session: Callable[[], Awaitable[Session]]) -> None:
        super().__init__(access_key(profile.name), "Access", "access", profile.name, profile.colour)
        self._refresh = QAction(icon("refresh"), "Refresh access", self, shortcut=QKeySequence("Ctrl+R"))
        self._refresh.triggered.connect(self._reload)
        self._find = QAction(icon("filter"), "Filter this list", self, shortcut=QKeySequence("Ctrl+F"))
        self._find.triggered.connect(self._filter)
        self.tabs = LazyTabs(
            [Entry(key, kind.title, partial(AccessTab, kind, profile, open_session)) for key, kind in KINDS.items()]
        )
        self.tabs.said.connect(self.say)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tabs)
        self.setFocusProxy(self.tabs)

    @property
    def current(self) -> AccessTab:
        """The tab that is shown."""
        return self.tabs.current

    def show_tab(self, key: str) -> None:
        """ "acls", "scram" or "quotas"."""
        self.tabs.show_tab(key)

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._refresh, self._find)

    def show_failure(self, failure: Failure) -> None:
        self.current.show_failure(failure)

    def save_state(self) -> dict[str, object]:
        return self.tabs.save_state()

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.tabs.restore_state(state)

    async def close_panel(self) -> None:
        await self.tabs.close_tabs()
        await super().close_panel()

    def _reload(self) -> None:
        self.current.reload()

    def _filter(self) -> None:
        self.current.filter.setFocus()
