"""The fields of a connection profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QVBoxLayout, QWidget

from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile, SaslMechanism, SecretRef, SecretStore, SecurityProtocol
from kexplorer.ui.dialogs.fields import ColourField, Field, FileField, SecretField
from kexplorer.ui.dialogs.property_lines import PropertyLines
from kexplorer.ui.widgets.labels import plain_label

_PROTOCOLS = {
    SecurityProtocol.PLAINTEXT: "no encryption, no login",
    SecurityProtocol.SSL: "encrypted, login by certificate or none",
    SecurityProtocol.SASL_PLAINTEXT: "user and password, no encryption",
    SecurityProtocol.SASL_SSL: "user and password, encrypted",
}
_REGISTRY = ("registry_url", "registry_username", "registry_password", "registry_ca_file")


class ConnectionForm(QWidget):
    """Shows a profile and gives the one that was made of it. `changed` names the field that a person touched."""

    changed = Signal(str)

    def __init__(self, check_property: Callable[[str, str], None]) -> None:
        super().__init__()
        self.name = QLineEdit()
        self.bootstrap = QLineEdit()
        self.bootstrap.setPlaceholderText("broker1:9092, broker2:9092")
        self.colour = ColourField()
        self.read_only = QCheckBox("&Read-only: refuse everything that changes the cluster")
        self.production = QCheckBox("Pro&duction: what destroys must be confirmed by typing a name")
        self.protocol = QComboBox()
        for protocol, meaning in _PROTOCOLS.items():
            self.protocol.addItem(f"{protocol} – {meaning}", protocol)
        self.mechanism = QComboBox()
        for mechanism in reversed(SaslMechanism):
            self.mechanism.addItem(str(mechanism), mechanism)
        self.username = QLineEdit()
        self.password = SecretField()
        self.ca_file = FileField("Choose the CA file")
        self.certificate_file = FileField("Choose the certificate file")
        self.key_file = FileField("Choose the key file")
        self.key_password = SecretField("None")
        self.registry_url = QLineEdit()
        self.registry_url.setPlaceholderText("https://registry:8081")
        self.registry_username = QLineEdit()
        self.registry_password = SecretField("None")
        self.registry_ca_file = FileField("Choose the registry's CA file")
        self.properties = PropertyLines(check_property)
        self.fields = {
            "name": Field("&Name", self.name),
            "bootstrap": Field("&Bootstrap servers", self.bootstrap, "host:port, several separated by commas"),
            "colour": Field("Co&lour", self.colour, "Marks its tabs and its place in the tree"),
            "security_protocol": Field("&Security protocol", self.protocol),
            "sasl_mechanism": Field("SASL &mechanism", self.mechanism),
            "username": Field("&User name", self.username),
            "password": Field("&Password", self.password),
            "ca_file": Field("CA &file", self.ca_file, "Empty: the authorities that this computer trusts"),
            "certificate_file": Field("Client &certificate", self.certificate_file, "Only if the brokers want one"),
            "key_file": Field("Client &key", self.key_file),
            "key_password": Field("Password of the ke&y", self.key_password),
            "registry_url": Field("Schema Re&gistry", self.registry_url, "Empty: none. Only read, never written to"),
            "registry_username": Field("Registry us&er", self.registry_username, "Empty: the password is a token"),
            "registry_password": Field("Registry pass&word", self.registry_password),
            "registry_ca_file": Field("Reg&istry CA file", self.registry_ca_file),
            "properties": Field("Further &properties of the client", self.properties, "key=value, one a line"),
        }
        self.exposed = plain_label("Anyone on the way can read and change what is sent.", "warn", wrap=True)
        self._lay_out()
        self._connect()
        self._protocol_changed()
        self._registry_changed()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(12)
        names = list(self.fields)
        last = ("colour", "read", "production", "properties")
        order = [*names[:2], "security_protocol", "", *names[4:11], *_REGISTRY, *last]
        others = {"": self.exposed, "read": self.read_only, "production": self.production}
        for name in order:
            layout.addWidget(others.get(name) or self.fields[name])
        layout.addStretch()

    def _connect(self) -> None:
        for name in ("name", "bootstrap", "username", "registry_url", "registry_username"):
            getattr(self, name).textChanged.connect(lambda _, name=name: self.changed.emit(name))
        for name in ("colour", "password", "ca_file", "certificate_file", "key_file", "key_password", "properties"):
            getattr(self, name).changed.connect(lambda name=name: self.changed.emit(name))
        for name in ("registry_password", "registry_ca_file"):
            getattr(self, name).changed.connect(lambda name=name: self.changed.emit(name))
        self.registry_url.textChanged.connect(self._registry_changed)
        self.protocol.currentIndexChanged.connect(self._protocol_changed)
        self.mechanism.currentIndexChanged.connect(lambda: self.changed.emit("sasl_mechanism"))
        self.read_only.toggled.connect(lambda: self.changed.emit("read_only"))
        self.production.toggled.connect(lambda: self.changed.emit("production"))

    def show_profile(self, profile: Profile) -> None:
        self.name.setText(profile.name)
        self.bootstrap.setText(profile.bootstrap)
        self.colour.set_colour(profile.colour)
        self.read_only.setChecked(profile.read_only)
        self.production.setChecked(profile.production)
        self.protocol.setCurrentIndex(self.protocol.findData(profile.security_protocol))
        self.mechanism.setCurrentIndex(self.mechanism.findData(profile.sasl_mechanism))
        self.username.setText(profile.username)
        self.password.set_ref(profile.password)
        self.ca_file.line.setText(profile.ca_file)
        self.certificate_file.line.setText(profile.certificate_file)
        self.key_file.line.setText(profile.key_file)
        self.key_password.set_ref(profile.key_password)
        self.registry_url.setText(profile.registry_url)
        self.registry_username.setText(profile.registry_username)
        self.registry_password.set_ref(profile.registry_password)
        self.registry_ca_file.line.setText(profile.registry_ca_file)
        self.properties.set_properties(profile.properties)

    def profile(self) -> Profile:
        """As the fields say, right or wrong. What is not used keeps its value, but for passwords: an unused one is no
        reference."""
        protocol = SecurityProtocol(self.protocol.currentData())
        registry_url = self.registry_url.text().strip()
        return Profile(
            name=self.name.text().strip(),
            bootstrap=self.bootstrap.text().strip(),
            security_protocol=protocol,
            sasl_mechanism=SaslMechanism(self.mechanism.currentData()),
            username=self.username.text(),
            password=self.password.ref() if protocol.sasl else None,
            ca_file=self.ca_file.line.text().strip(),
            certificate_file=self.certificate_file.line.text().strip(),
            key_file=self.key_file.line.text().strip(),
            key_password=self.key_password.ref() if protocol.tls else None,
            colour=self.colour.colour(),
            read_only=self.read_only.isChecked(),
            production=self.production.isChecked(),
            properties=self.properties.properties(),
            registry_url=registry_url,
            registry_username=self.registry_username.text(),
            registry_password=self.registry_password.ref() if registry_url else None,
            registry_ca_file=self.registry_ca_file.line.text().strip(),
        )

    def typed(self) -> dict[str, str]:
        fields = ("password", "key_password", "registry_password")
        return {field: getattr(self, field).typed() for field in fields}

    def show_secrets(self, secrets: Mapping[str, str]) -> None:
        """As if a person had typed them for the keyring."""
        for field, secret in secrets.items():
            getattr(self, field).set_ref(SecretRef(SecretStore.KEYRING, ""))
            getattr(self, field).line.setText(secret)

    def show_problems(self, problems: Mapping[str, Failure]) -> None:
        for name, field in self.fields.items():
            if name != "properties":  # whose lines say it themselves
                field.show_problem(problems.get(name))

    def _protocol_changed(self) -> None:
        protocol = SecurityProtocol(self.protocol.currentData())
        for name in ("sasl_mechanism", "username", "password"):
            self.fields[name].setVisible(protocol.sasl)
        for name in ("ca_file", "certificate_file", "key_file", "key_password"):
            self.fields[name].setVisible(protocol.tls)
        self.exposed.setVisible(protocol == SecurityProtocol.SASL_PLAINTEXT)
        self.changed.emit("security_protocol")

    def _registry_changed(self) -> None:
        for name in _REGISTRY[1:]:
            self.fields[name].setVisible(bool(self.registry_url.text().strip()))
