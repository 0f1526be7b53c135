"""Makes ACLs: single operations on a resource, or what a producer or a consumer needs."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QHBoxLayout, QLineEdit, QWidget

from kexplorer.model.access import Acl, AclOperation, AclResource, PatternType, Permission
from kexplorer.model.changes import CreateAcls
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.fields import Field
from kexplorer.ui.dialogs.form import ChangeForm, answered
from kexplorer.ui.widgets.labels import plain_label

_ANY = "*"
_CLUSTER_NAME = "kafka-cluster"  # the one name that this resource can have
_Op = AclOperation
# As of Kafka 4.0, org.apache.kafka.security.authorizer.AclEntry.supportedOperations
OPERATIONS: dict[AclResource, tuple[AclOperation, ...]] = {
    AclResource.TOPIC: (
        *(_Op.READ, _Op.WRITE, _Op.CREATE, _Op.DELETE, _Op.ALTER),
        *(_Op.DESCRIBE, _Op.DESCRIBE_CONFIGS, _Op.ALTER_CONFIGS),
    ),
    AclResource.GROUP: (_Op.READ, _Op.DESCRIBE, _Op.DELETE, _Op.DESCRIBE_CONFIGS, _Op.ALTER_CONFIGS),
    AclResource.CLUSTER: (
        *(_Op.CREATE, _Op.ALTER, _Op.DESCRIBE, _Op.DESCRIBE_CONFIGS, _Op.ALTER_CONFIGS),
        *(_Op.CLUSTER_ACTION, _Op.IDEMPOTENT_WRITE),
    ),
    AclResource.TRANSACTIONAL_ID: (_Op.DESCRIBE, _Op.WRITE),
    AclResource.DELEGATION_TOKEN: (_Op.DESCRIBE,),
    AclResource.USER: (_Op.CREATE_TOKENS, _Op.DESCRIBE_TOKENS),
}
# What kafka-acls.sh makes of --producer and --consumer
_PRODUCER = (_Op.WRITE, _Op.DESCRIBE, _Op.CREATE)
_CONSUMER = (_Op.READ, _Op.DESCRIBE)
_SINGLE, _FOR_PRODUCER, _FOR_CONSUMER = "single operations", "a producer", "a consumer"


async def new_acl(parent: QWidget | None, session: Session, like: Acl | None = None) -> bool:
    """True once they are made. `like` is what the dialog begins with."""
    return await answered(NewAclDialog(parent, session, like))


class NewAclDialog(ChangeForm):
    def __init__(self, parent: QWidget | None, session: Session, like: Acl | None = None) -> None:
        about = f"In {session.cluster.profile.name}. A denial wins over whatever is allowed."
        super().__init__(parent, session, "New ACL", "Create ACLs…", self._submit, about)
        self.principal = QLineEdit(placeholderText="User:alice")
        self.host = QLineEdit(_ANY)
        self.purpose, self.permission, self.resource = QComboBox(), QComboBox(), QComboBox()
        self.purpose.addItems([_SINGLE, _FOR_PRODUCER, _FOR_CONSUMER])
        self.permission.addItems([each.value for each in Permission])
        self.resource.addItems([each.value for each in AclResource])
        self.name, self.group = QLineEdit(), QLineEdit()
        self.pattern = QComboBox()
        self.pattern.addItem("exactly this name", PatternType.LITERAL)
        self.pattern.addItem("all names that begin so", PatternType.PREFIXED)
        self.operations = {operation: QCheckBox(operation.value) for operation in AclOperation}
        self.fields = {
            "principal": Field("&Who", self.principal, "A principal as in User:alice; User:* is everybody."),
            "host": Field("From &host", self.host, "An address; * is any."),
            "purpose": Field("&For", self.purpose),
            "permission": Field("Per&mission", self.permission),
            "resource": Field("&Resource", self.resource),
            "name": Field("&Name", self.name, "* is all of them."),
            "pattern": Field("Ma&tches", self.pattern),
            "group": Field("&Group", self.group, "The consumer group that it reads in."),
        }
        self._lay_out()
        if like:
            self._take(like)
        self._adapt()
        self.purpose.currentIndexChanged.connect(lambda _: self._adapt())
        self.resource.currentIndexChanged.connect(lambda _: self._adapt())
        for line in (self.principal, self.host, self.name, self.group):
            line.textChanged.connect(lambda _: self._judge())
        for box in self.operations.values():
            box.toggled.connect(lambda _: self._judge())
        self.principal.setFocus()

    def _lay_out(self) -> None:
        for names in (("principal", "host"), ("purpose", "permission"), ("resource", "name", "pattern")):
            row = QHBoxLayout()
            row.setSpacing(12)
            for name in names:
                row.addWidget(self.fields[name], 2 if name in ("principal", "name") else 1, Qt.AlignmentFlag.AlignTop)
            self.body.addLayout(row)
        self.body.addWidget(self.fields["group"])
        self._boxes = QWidget()
        grid = QGridLayout(self._boxes)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(0)
        for number, box in enumerate(self.operations.values()):
            grid.addWidget(box, number // 3, number % 3)
        self._grid = grid
        self.outcome = plain_label("", "muted", wrap=True)
        self.body.addWidget(self._boxes)
        self.body.addWidget(self.outcome)
        self.body.addStretch()

    @property
    def acls(self) -> tuple[Acl, ...]:
        """Raises `Failure` while something is missing or wrong."""
        principal, host = self.principal.text().strip(), self.host.text().strip()
        kind, _, who = principal.partition(":")
        if not kind or not who:
            raise Failure(FailureKind.INVALID, "A principal has a type and a name.", "Write it as in User:alice.")
        if not host:
            raise Failure(FailureKind.INVALID, "The host is missing.", "Write * for any.")
        pattern, permission = PatternType(self.pattern.currentData()), Permission(self.permission.currentText())
        wanted = [(self._resource, self._named(self.name, self._resource), each) for each in self._chosen()]
        if self.purpose.currentText() == _FOR_CONSUMER:
            wanted.append((AclResource.GROUP, self._named(self.group, AclResource.GROUP), AclOperation.READ))
        if not wanted:
            raise Failure(FailureKind.INVALID, "No operation is chosen.", "Choose at least one.")
        return tuple(
            Acl(principal, resource, name, each, permission, PatternType.LITERAL if name == _ANY else pattern, host)
            for resource, name, each in wanted
        )

    @property
    def _resource(self) -> AclResource:
        single = self.purpose.currentText() == _SINGLE
        return AclResource(self.resource.currentText()) if single else AclResource.TOPIC

    def _named(self, line: QLineEdit, resource: AclResource) -> str:
        name = _CLUSTER_NAME if resource is AclResource.CLUSTER else line.text().strip()
        if not name:
            raise Failure(FailureKind.INVALID, f"The name of the {resource} is missing.", "Write * for all.")
        return name

    def _chosen(self) -> tuple[AclOperation, ...]:
        match self.purpose.currentText():
            case "a producer":
                return _PRODUCER
            case "a consumer":
                return _CONSUMER
        possible = (AclOperation.ALL, *OPERATIONS[self._resource])
        if self.operations[AclOperation.ALL].isChecked():
            return (AclOperation.ALL,)
        return tuple(each for each in possible if self.operations[each].isChecked())

    def _take(self, like: Acl) -> None:
        self.principal.setText(like.principal)
        self.host.setText(like.host)
        self.permission.setCurrentText(like.permission.value)
        self.resource.setCurrentText(like.resource.value)
        self.name.setText(like.name)
        self.pattern.setCurrentIndex(self.pattern.findData(like.pattern))
        self.operations[like.operation].setChecked(True)

    def _adapt(self) -> None:
        """Shows what the purpose and the resource leave to choose."""
        single, resource = self.purpose.currentText() == _SINGLE, self._resource
        cluster = single and resource is AclResource.CLUSTER
        self.fields["resource"].setVisible(single)
        self.fields["name"].setVisible(not cluster)
        self.fields["pattern"].setVisible(not cluster)
        self.fields["group"].setVisible(self.purpose.currentText() == _FOR_CONSUMER)
        self.name.setPlaceholderText("" if single else "Topic")
        self._boxes.setVisible(single)
        possible = (AclOperation.ALL, *OPERATIONS[resource])
        for box in self.operations.values():
            self._grid.removeWidget(box)
            box.hide()
        for number, operation in enumerate(possible):
            self._grid.addWidget(self.operations[operation], number // 3, number % 3)
            self.operations[operation].show()
        self._judge()

    def _judge(self) -> None:
        every = self.operations[AclOperation.ALL].isChecked()
        for operation, box in self.operations.items():
            box.setEnabled(operation is AclOperation.ALL or not every)
        try:
            self.outcome.setText("\n".join(map(str, self.acls)))
            self.action.setEnabled(True)
        except Failure as failure:
            self.outcome.setText(str(failure))
            self.action.setEnabled(False)

    async def _submit(self) -> None:
        await self.make(CreateAcls(self.acls))
