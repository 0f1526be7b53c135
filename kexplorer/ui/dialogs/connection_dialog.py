"""Add or edit a connection, and test it before it is saved."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from kexplorer.model.failure import Failure
from kexplorer.model.profile import COLOURS, Profile
from kexplorer.services.connections import Connections
from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.dialogs.confirm import ask_secret
from kexplorer.ui.dialogs.connection_form import ConnectionForm
from kexplorer.ui.dialogs.probe_view import ProbeView
from kexplorer.ui.icons import icon
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.labels import plain_label

_UNTESTED = (  # fields that a test does not depend on
    *("name", "colour", "read_only", "production"),
    *("registry_url", "registry_username", "registry_password", "registry_ca_file"),
)


async def edit_profile(parent: QWidget | None, connections: Connections, profile: Profile | None) -> Profile | None:
    """Adds a connection, or edits `profile`. The saved one, or None when the person cancels."""
    dialog = ConnectionDialog(parent, connections, profile)
    try:
        return dialog.saved if await answer_of(dialog) else None
    finally:
        await dialog.tasks.close()
        dialog.deleteLater()


class ConnectionDialog(QDialog):
    """The form and, beside it, the test. Errors show beside the fields that were touched; Save and Test show
    all."""

    def __init__(self, parent: QWidget | None, connections: Connections, profile: Profile | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Edit connection" if profile else "New connection")
        self.saved: Profile | None = None
        self.tasks = Tasks(self._show_failure)
        self._connections = connections
        self._old = profile
        self._touched: set[str] = set()
        self._testing = False
        self._changed_in_test = False  # what the running test finds is no longer asked for
        self.form = ConnectionForm(connections.check_property)
        if profile:
            self.form.show_profile(profile)
        else:
            used = {each.colour for each in connections.profiles}
            self.form.colour.set_colour(next((colour for colour in COLOURS if colour not in used), COLOURS[0]))
        self.probe = ProbeView()
        self.test_button = QPushButton(icon("plug"), "&Test connection")
        self.test_button.setAutoDefault(False)
        self.import_button = QPushButton("&Import…")
        self.import_button.setToolTip("From a .properties or .conf file, or a Python dict")
        self.import_button.setAutoDefault(False)
        self.save_button = QPushButton("Save" if profile else "Add connection")
        self.save_button.setProperty("kind", "primary")
        self.save_button.setDefault(True)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setAutoDefault(False)
        self.trouble = plain_label("", "bad", wrap=True)
        self._lay_out()
        self.form.changed.connect(self._changed)
        self.test_button.clicked.connect(self._test_or_stop)
        self.import_button.clicked.connect(lambda: self.tasks.start("import", self._import()))
        self.save_button.clicked.connect(lambda: self.tasks.start("save", self._save()))
        self.cancel_button.clicked.connect(self.reject)
        self.resize(self.sizeHint().expandedTo(QSize(940, 660)))
        self.form.name.setFocus()

    def _lay_out(self) -> None:
        scroll = QScrollArea()
        scroll.setWidget(self.form)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        bar = scroll.verticalScrollBar().sizeHint().width()
        scroll.setMinimumWidth(max(420, self.form.minimumSizeHint().width() + bar))
        self.probe.setMinimumWidth(320)
        content = QHBoxLayout()
        content.setSpacing(0)
        content.addWidget(scroll, 5)
        content.addWidget(self.probe, 4)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(20, 12, 20, 16)
        buttons.setSpacing(8)
        buttons.addWidget(self.test_button)
        buttons.addWidget(self.import_button)
        buttons.addWidget(self.trouble, 1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.save_button)
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        line.setFrameShadow(QFrame.Shadow.Plain)
        line.setForegroundRole(self.palette().ColorRole.Mid)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(content, 1)
        layout.addWidget(line)
        layout.addLayout(buttons)

    def _changed(self, field: str) -> None:
        self._touched.add(field)
        self.trouble.clear()
        if field not in _UNTESTED:
            if self._testing:
                self._changed_in_test = True
            else:
                self.probe.outdate()
        problems = self._problems()
        self.form.show_problems({name: problems[name] for name in problems if name in self._touched})

    def _problems(self) -> dict[str, Failure]:
        return self._connections.problems(self.form.profile(), self._old, self.form.typed())

    async def _checked(self) -> Profile | None:
        """The profile, if nothing is wrong with it; else the first wrong field has the focus."""
        self._touched.update(self.form.fields)
        profile = self.form.profile()
        problems = self._problems() | await self._connections.file_problems(profile)
        self.form.show_problems(problems)
        if self.form.properties.faulty():
            self.form.properties.setFocus()
            return None
        for name, field in self.form.fields.items():
            if name in problems:
                field.content.setFocus()
                return None
        return profile

    async def _save(self) -> None:
        profile = await self._checked()
        if profile is None:
            return
        self.save_button.setEnabled(False)
        self.trouble.clear()
        try:
            if self._old is None:
                self.saved = await self._connections.add(profile, self.form.typed())
            else:
                self.saved = await self._connections.edit(self._old, profile, self.form.typed())
        finally:
            self.save_button.setEnabled(True)
        self.accept()

    async def _import(self) -> None:
        from kexplorer.ui.dialogs.import_connection import import_connection  # noqa: PLC0415  (few want it)

        if found := await import_connection(self, self.form.profile(), self._connections.check_property):
            self.form.show_profile(found.profile)
            self.form.show_secrets(found.secrets)
            self.trouble.setText("\n".join(found.notes))

    def _test_or_stop(self) -> None:
        if self.tasks.running("test"):
            self.tasks.cancel("test")
        else:
            self.tasks.start("test", self._test())

    async def _test(self) -> None:
        profile = await self._checked()
        if profile is None:
            return
        self._testing, self._changed_in_test = True, False
        self.probe.start()
        self.test_button.setText("Stop &test")
        finished = False
        try:
            await self._connections.test(profile, self._ask, self.probe.add, self.form.typed())
            self.probe.finish()
            finished = True
        except Failure as failure:
            self.probe.fail(failure)
            finished = True
        finally:
            self._testing = False
            self.test_button.setText("&Test connection")
            if finished and self._changed_in_test:
                self.probe.outdate()
            if not finished:
                self.probe.stop()

    async def _ask(self, what: str) -> str | None:
        return await ask_secret(self, what)

    def _show_failure(self, failure: Failure) -> None:
        self.trouble.setText(str(failure))
