"""A change as the command of Kafka's own tools that would do the same, to copy. No password is ever in it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping

from kexplorer.model.access import Acl, AclResource, Permission
from kexplorer.model.changes import (
    AddPartitions,
    AlterConfig,
    AlterOffsets,
    AlterQuota,
    Change,
    CreateAcls,
    CreateTopic,
    DeleteAcls,
    DeleteGroups,
    DeleteOffsets,
    DeleteScram,
    DeleteTopics,
    ElectPreferred,
    PurgeRecords,
    Reassign,
    RemoveMembers,
    SetScram,
)
from kexplorer.model.topics import TopicPartition

_SECRET = re.compile(r"password|secret|jaas|keystore\.key|certificate", re.IGNORECASE)
_RESOURCES = {
    AclResource.TOPIC: "--topic",
    AclResource.GROUP: "--group",
    AclResource.TRANSACTIONAL_ID: "--transactional-id",
    AclResource.DELEGATION_TOKEN: "--delegation-token",
    AclResource.USER: "--user-principal",
}

_SECRET_VARIABLE = "$NEW_SECRET"  # noqa: S105  (a name)


def is_secret(setting: str) -> bool:
    """Whether the value of a setting of a broker must not be shown, by its name."""
    return _SECRET.search(setting) is not None


def command(change: Change, bootstrap: str, login_file: str = "") -> str:
    """For a POSIX shell, on several lines where it takes several commands or a file. `login_file`: the properties file
    that says how to log in, "" where nobody does. Secrets come from the environment variable NEW_SECRET."""
    return "\n".join(_commands(change, _Tools(bootstrap, login_file)))


class _Tools:
    def __init__(self, bootstrap: str, login_file: str) -> None:
        self._bootstrap = ",".join(piece.strip() for piece in bootstrap.split(","))
        self._login = login_file

    def line(self, tool: str, *words: str) -> str:
        login = "--admin.config" if tool == "leader-election" else "--command-config"
        start = [f"kafka-{tool}.sh", "--bootstrap-server", self._bootstrap]
        return " ".join(map(_quoted, [*start, *([login, self._login] if self._login else []), *words]))

    def with_file(self, tool: str, option: str, content: object, *words: str) -> str:
        """The file is what the command reads from its standard input."""
        return f"{self.line(tool, option, '/dev/stdin', *words)} <<'END'\n{json.dumps(content)}\nEND"


def _commands(change: Change, tools: _Tools) -> list[str]:
    match change:
        case CreateTopic() | DeleteTopics() | AddPartitions():
            return [tools.line("topics", *_topics(change))]
        case AlterConfig() | SetScram() | DeleteScram() | AlterQuota():
            return [tools.line("configs", "--alter", *_configs(change))]
        case PurgeRecords() | ElectPreferred():
            return [_partitions(change, tools)]
        case Reassign(replicas):
            return _reassign(replicas, tools)
        case CreateAcls(acls) | DeleteAcls(acls):
            verb = ["--add"] if isinstance(change, CreateAcls) else ["--remove", "--force"]
            return [tools.line("acls", *verb, *_acl(acl)) for acl in acls]
        case AlterOffsets() | DeleteOffsets() | DeleteGroups() | RemoveMembers():
            return _groups(change, tools)


def _partitions(change: PurgeRecords | ElectPreferred, tools: _Tools) -> str:
    match change:
        case PurgeRecords(before):
            partitions = [{**_place(source), "offset": offset} for source, offset in before.items()]
            return tools.with_file("delete-records", "--offset-json-file", _listed(partitions))
        case ElectPreferred(partitions=elected):
            places = {"partitions": [_place(source) for source in elected]}
            return tools.with_file("leader-election", "--path-to-json-file", places, "--election-type", "preferred")


def _topics(change: CreateTopic | DeleteTopics | AddPartitions) -> list[str]:
    match change:
        case CreateTopic():
            return ["--create", *_definition(change)]
        case DeleteTopics(names):
            return ["--delete", "--topic", _exactly(*names)]
        case AddPartitions(topic, total):
            return ["--alter", "--topic", _exactly(topic), "--partitions", str(total)]


def _definition(change: CreateTopic) -> list[str]:
    words = ["--topic", change.name]
    if change.replicas:
        words += ["--replica-assignment", ",".join(":".join(map(str, brokers)) for brokers in change.replicas)]
    else:
        words += ["--partitions", str(change.partitions)] if change.partitions > 0 else []
        words += ["--replication-factor", str(change.replication)] if change.replication > 0 else []
    for name, value in change.configs.items():
        words += ["--config", f"{name}={value}"]
    return words


def _configs(change: AlterConfig | SetScram | DeleteScram | AlterQuota) -> list[str]:
    match change:
        case AlterConfig(kind, name, sets, resets):
            return [*_entity(f"{kind}s", name), *_settings(sets, resets)]
        case SetScram(user, mechanism, _, iterations):
            setting = f"{mechanism}=[iterations={iterations},password={_SECRET_VARIABLE}]"
            return [*_entity("users", user), "--add-config", setting]
        case DeleteScram(user, mechanism):
            return [*_entity("users", user), "--delete-config", str(mechanism)]
        case AlterQuota(entity, sets, resets):
            named = (("users", entity.user), ("clients", entity.client_id), ("ips", entity.ip))
            entities = [word for kind, name in named if name is not None for word in _entity(kind, name)]
            return [*entities, *_settings({name: f"{limit:.15g}" for name, limit in sets.items()}, resets)]


def _entity(kind: str, name: str) -> list[str]:
    return ["--entity-type", kind, *(["--entity-name", name] if name else ["--entity-default"])]


def _settings(sets: Mapping[str, str], resets: Iterable[str]) -> list[str]:
    words = []
    if sets:
        words += ["--add-config", ",".join(_setting(name, value) for name, value in sets.items())]
    if removed := ",".join(resets):
        words += ["--delete-config", removed]
    return words


def _setting(name: str, value: str) -> str:
    """A value with commas is in brackets; a secret may have some."""
    if is_secret(name):
        return f"{name}=[{_SECRET_VARIABLE}]"
    return f"{name}=[{value}]" if "," in value else f"{name}={value}"


def _groups(change: AlterOffsets | DeleteOffsets | DeleteGroups | RemoveMembers, tools: _Tools) -> list[str]:
    tool = "consumer-groups"
    match change:
        case AlterOffsets(group, offsets):  # a file of its own: the tool reads it twice
            lines = [f"{source.topic},{source.partition},{offset}" for source, offset in offsets.items()]
            words = ["--reset-offsets", "--group", group, "--from-file", "offsets.csv", "--execute"]
            return ["cat > offsets.csv <<'END'", *lines, "END", tools.line(tool, *words)]
        case DeleteOffsets(group, partitions):
            numbers: dict[str, list[str]] = {}
            for source in partitions:
                numbers.setdefault(source.topic, []).append(str(source.partition))
            words = [word for topic, some in numbers.items() for word in ("--topic", f"{topic}:{','.join(some)}")]
            return [tools.line(tool, "--delete-offsets", "--group", group, *words)]
        case DeleteGroups(groups):
            return [tools.line(tool, "--delete", *(word for group in groups for word in ("--group", group)))]
        case RemoveMembers():
            return [
                "# Kafka's tools have no command for it, only its Java client: Admin.removeMembersFromConsumerGroup()."
            ]


def _reassign(replicas: Mapping[TopicPartition, tuple[int, ...] | None], tools: _Tools) -> list[str]:
    moved = [{**_place(source), "replicas": list(to)} for source, to in replicas.items() if to is not None]
    stopped = [{**_place(source), "replicas": []} for source, to in replicas.items() if to is None]
    option = "--reassignment-json-file"
    lines = []
    if moved:
        lines.append(tools.with_file("reassign-partitions", option, _listed(moved), "--execute"))
    if stopped:
        lines.append(tools.with_file("reassign-partitions", option, _listed(stopped), "--cancel"))
    return lines


def _acl(acl: Acl) -> list[str]:
    who = "--allow" if acl.permission is Permission.ALLOW else "--deny"
    words = [f"{who}-principal", acl.principal, f"{who}-host", acl.host, "--operation", acl.operation.value]
    if acl.resource is AclResource.CLUSTER:
        return [*words, "--cluster"]
    return [*words, _RESOURCES[acl.resource], acl.name, "--resource-pattern-type", acl.pattern.value.lower()]


def _place(source: TopicPartition) -> dict[str, object]:
    return {"topic": source.topic, "partition": source.partition}


def _listed(partitions: list[dict[str, object]]) -> dict[str, object]:
    return {"version": 1, "partitions": partitions}


def _exactly(*names: str) -> str:
    """The tool takes a regular expression, where a dot stands for any character."""
    return ",".join(name.replace(".", r"\.") for name in names)


def _quoted(word: str) -> str:
    """The shell puts in the value of the secret's variable."""
    pieces = word.split(_SECRET_VARIABLE)
    return f'"{_SECRET_VARIABLE}"'.join(shlex.quote(piece) if piece or len(pieces) == 1 else "" for piece in pieces)
