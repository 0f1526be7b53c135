"""All that the program keeps on disk, beside the connections."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from kexplorer.store.alerts import AlertLog, AlertRuleStore
from kexplorer.store.assignments import AssignmentStore
from kexplorer.store.audit import AuditStore
from kexplorer.store.dead_letters import DeadLetterMarks
from kexplorer.store.favourites import FavouriteStore
from kexplorer.store.filters import FilterStore
from kexplorer.store.lag_history import LagHistory
from kexplorer.store.offset_snapshots import OffsetSnapshotStore
from kexplorer.store.preferences import Preferences
from kexplorer.store.scans import ScanStore
from kexplorer.store.templates import TemplateStore


class Home:
    """Where the platform wants each file, or all of them in `folder`."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self.preferences = Preferences(folder and folder / "window.json")
        self.scans = ScanStore(folder and folder / "searches.db")
        self.filters = FilterStore(folder and folder / "filters.json")
        self.templates = TemplateStore(folder and folder / "templates.json")
        self.audit = AuditStore(folder and folder / "audit.db")
        self.lag = LagHistory(folder and folder / "lag.db")
        self.alert_rules = AlertRuleStore(folder and folder / "alerts.json")
        self.alert_log = AlertLog(folder and folder / "alerts.db")
        self.replays = (folder or platformdirs.user_state_path("kexplorer", appauthor=False)) / "replays"
        self.dead_letters = DeadLetterMarks(folder and folder / "dead_letters.db")
        self.snapshots = OffsetSnapshotStore(folder and folder / "offsets.db")

    def assignments(self, connection: str) -> AssignmentStore:
        return AssignmentStore(connection, self._folder and self._folder / "schemas.json")

    def rename(self, connection: str, name: str) -> None:
        """A connection got another name. Waits for the disk, as `forget` does."""
        for store in (self.assignments(connection), self.favourites(connection)):
            store.rename(name)

    def forget(self, connection: str) -> None:
        for store in (self.assignments(connection), self.favourites(connection)):
            store.forget()

    def favourites(self, connection: str) -> FavouriteStore:
        return FavouriteStore(connection, self._folder and self._folder / "favourites.json")
