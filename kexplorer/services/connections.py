"""The use case of connections: keep profiles and their secrets, test one, connect to one."""

from __future__ import annotations

import secrets as random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

from kexplorer.model.cluster import Cluster, Connector, ProbeStep
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile, SecretRef, SecretStore
from kexplorer.store.daemon import in_daemon
from kexplorer.store.profiles import Loaded, ProfileStore
from kexplorer.store.secrets import Secrets

SECRET_FIELDS = ("password", "key_password", "registry_password")
_SPOKEN = {"password": "Password", "key_password": "Key password", "registry_password": "Schema Registry password"}
_DISK = 10.0  # seconds
_NAME_LENGTH = 80

Ask = Callable[[str], Awaitable[str | None]]
"""Asks the person for a secret; the argument says which. None: the person does not want to."""

T = TypeVar("T")


class Probe(Protocol):
    """Walks to a cluster and tells each step when it is done; raises nothing for what it finds."""

    async def __call__(
        self, profile: Profile, credentials: Credentials, on_step: Callable[[ProbeStep], None]
    ) -> None: ...


class Checks(Protocol):
    """What the Kafka client takes; each raises `Failure` that names the input and the remedy."""

    def bootstrap(self, value: str) -> object: ...
    def secret(self, value: str, what: str) -> str: ...
    def file(self, path: str, what: str) -> str: ...


class Connections:
    """Owns the profiles of this window. What is typed for a secret is passed in `typed`, by the name of the profile's
    field (of SECRET_FIELDS), and goes where that field's reference says; a reference to the keyring may come
    without a name, which is then given."""

    def __init__(
        self,
        store: ProfileStore,
        secrets: Secrets,
        *,
        connector: Connector,
        probe: Probe,
        checks: Checks,
        check_property: Callable[[str, str], None],
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._connector = connector
        self._probe = probe
        self._checks = checks
        self.check_property = check_property
        self.profiles: tuple[Profile, ...] = ()

    async def load(self) -> Loaded:
        """Reads the file; another window or an editor may have changed it."""
        loaded = await self._on_disk(self._store.load)
        self.profiles = loaded.profiles
        return loaded

    def problems(
        self, profile: Profile, replaces: Profile | None = None, typed: Mapping[str, str] | None = None
    ) -> dict[str, Failure]:
        """What must be corrected, by the profile's field. Looks at no file, so it may be called at every key."""
        given = typed or {}
        wanted: list[tuple[str, Callable[[], object]]] = [
            ("name", lambda: self._check_name(profile.name, replaces)),
            ("bootstrap", lambda: self._checks.bootstrap(profile.bootstrap)),
            ("properties", lambda: [self.check_property(*each) for each in profile.properties.items()]),
        ]
        if profile.security_protocol.sasl:
            wanted.append(("username", lambda: self._checks.secret(profile.username, "The user name")))
            wanted.append(("password", lambda: self._check_secret(profile.password, given.get("password", ""))))
        if profile.security_protocol.tls and profile.certificate_file:
            wanted.append(("key_file", lambda: _require(profile.key_file, "The certificate needs its key file.")))
        if profile.security_protocol.tls and profile.key_file:
            why = "The key needs its certificate file."
            wanted.append(("certificate_file", lambda: _require(profile.certificate_file, why)))
        if "key_password" in _needed(profile):
            wanted.append(
                ("key_password", lambda: self._check_secret(profile.key_password, given.get("key_password", "")))
            )
        if profile.registry_url:
            wanted.append(("registry_url", lambda: _check_registry(profile.registry_url)))
        if "registry_password" in _needed(profile):
            typed_password = given.get("registry_password", "")
            wanted.append(("registry_password", lambda: self._check_secret(profile.registry_password, typed_password)))
        return _failures(wanted)

    async def file_problems(self, profile: Profile) -> dict[str, Failure]:
        """The same for the files of TLS: whether they are there, regular and small."""
        files = {"ca_file": "The CA file", "certificate_file": "The certificate file", "key_file": "The key file"}
        given = {field: getattr(profile, field) for field in files if profile.security_protocol.tls}
        if profile.registry_url:
            files["registry_ca_file"] = "The registry's CA file"
            given["registry_ca_file"] = profile.registry_ca_file
        wanted = [(field, partial(self._checks.file, path, files[field])) for field, path in given.items() if path]
        return await self._on_disk(lambda: _failures(wanted))

    async def add(self, profile: Profile, typed: Mapping[str, str] | None = None) -> Profile:
        return await self._save(profile, typed or {}, self._store.add)

    async def edit(self, old: Profile, new: Profile, typed: Mapping[str, str] | None = None) -> Profile:
        """`Failure` if `old` is no longer what the file says. Secrets that nothing refers to any more are deleted."""
        saved = await self._save(new, typed or {}, lambda new: self._store.replace(old, new), old)
        await self._drop_unused(old)
        return saved

    async def duplicate(self, profile: Profile) -> Profile:
        """A copy under a free name, with the same secrets."""
        await self.load()
        names = {each.name for each in self.profiles}
        copies = (f"{profile.name} copy{f' {number}' if number > 1 else ''}" for number in range(1, len(names) + 2))
        return await self.add(replace(profile, name=next(name for name in copies if name not in names)))

    async def delete(self, profile: Profile) -> None:
        await self._on_disk(lambda: self._store.delete(profile))
        await self.load()
        await self._drop_unused(profile)

    async def test(
        self,
        profile: Profile,
        ask: Ask,
        on_step: Callable[[ProbeStep], None],
        typed: Mapping[str, str] | None = None,
    ) -> None:
        """`profile` need not be saved. An answer that the broker did not take is forgotten."""
        refused = False

        def tell(step: ProbeStep) -> None:
            nonlocal refused
            refused |= step.failure is not None and step.failure.kind == FailureKind.AUTHENTICATION
            on_step(step)

        await self._probe(profile, await self.credentials(_of_brokers(profile), ask, typed), tell)
        if refused:
            await self.forget(profile)

    async def connect(self, profile: Profile, ask: Ask) -> Cluster:
        """Raises `Failure` for what the profile forbids or lacks; whether a broker answers, the cluster's state tells.
        After a refused login call `forget`, or the same answer is used again."""
        return await self._connector(profile, await self.credentials(_of_brokers(profile), ask))

    async def credentials(self, profile: Profile, ask: Ask, typed: Mapping[str, str] | None = None) -> Credentials:
        """The secrets that the profile's protocol and registry need: as typed, else from where they are."""
        found = dict.fromkeys(SECRET_FIELDS, "")
        for field in _needed(profile):
            found[field] = (typed or {}).get(field) or await self._resolve(profile, field, ask)
        return Credentials(**found)

    async def forget(self, profile: Profile) -> None:
        """Drops what was asked for this profile and kept in memory."""
        for field in SECRET_FIELDS:
            ref = _ref(profile, field)
            if ref and ref.store == SecretStore.ASK:
                await self._secrets.delete(ref)

    async def _resolve(self, profile: Profile, field: str, ask: Ask) -> str:
        ref = _ref(profile, field)
        what = f"{_SPOKEN[field]} of “{profile.name}”"
        if ref is None:
            raise Failure(FailureKind.NOT_FOUND, f"{what} is not set.", "Enter it in the connection's settings.")
        try:
            return await self._secrets.resolve(ref)
        except Failure as failure:
            if ref.store != SecretStore.ASK or failure.kind != FailureKind.NOT_FOUND:
                raise
        answer = await ask(what)
        if not answer:
            raise Failure(FailureKind.REFUSED, f"{what} was not given.", "Connect again to enter it.")
        await self._secrets.store(ref, answer)
        return answer

    async def _save(
        self,
        profile: Profile,
        typed: Mapping[str, str],
        write: Callable[[Profile], None],
        replaces: Profile | None = None,
    ) -> Profile:
        """Secrets first: a profile whose secret could not be stored is not saved."""
        await self.load()
        for failure in (
            *self.problems(profile, replaces, typed).values(),
            *(await self.file_problems(profile)).values(),
        ):
            raise failure
        new: list[SecretRef] = []
        for field in SECRET_FIELDS:
            ref: SecretRef | None = getattr(profile, field)
            if ref and typed.get(field) and ref.store != SecretStore.ENVIRONMENT:
                if ref.store == SecretStore.KEYRING:  # always a new name: a copy may share the old one
                    ref = SecretRef(ref.store, f"{profile.name}/{field}/{random.token_hex(4)}")
                    profile = replace(profile, **{field: ref})  # type: ignore[arg-type]
                    new.append(ref)
                await self._secrets.store(_ref(profile, field) or ref, typed[field])
        try:
            await self._on_disk(lambda: write(profile))
        except Failure:
            for ref in new:
                await self._secrets.delete(ref)
            raise
        await self.load()
        return profile

    async def _drop_unused(self, old: Profile) -> None:
        used = {ref for profile in self.profiles for ref in _refs(profile)}
        for ref in _refs(old):
            if ref not in used and ref.store == SecretStore.KEYRING:
                await self._secrets.delete(ref)
        if old.name not in {profile.name for profile in self.profiles}:
            await self.forget(old)

    def _check_name(self, name: str, replaces: Profile | None) -> None:
        if not name.strip():
            raise Failure(FailureKind.INVALID, "A name is needed.", "It stands in the tree and on tabs.")
        if name != name.strip() or not name.isprintable():
            raise Failure(
                FailureKind.INVALID, "The name has blanks around it, or invisible characters.", "Remove them."
            )
        if len(name) > _NAME_LENGTH:
            raise Failure(FailureKind.INVALID, f"The name has {len(name)} characters.", f"Use at most {_NAME_LENGTH}.")
        if name in {each.name for each in self.profiles} and (replaces is None or name != replaces.name):
            raise Failure(FailureKind.INVALID, f"There is already a connection “{name}”.", "Choose another name.")

    def _check_secret(self, ref: SecretRef | None, typed: str) -> None:
        if ref and ref.store == SecretStore.ENVIRONMENT:
            _require(ref.name, "The name of the environment variable is needed.")
        elif typed:
            self._checks.secret(typed, "The password")
        elif ref is None or (ref.store == SecretStore.KEYRING and not ref.name):
            raise Failure(FailureKind.INVALID, "A password is needed.")

    async def _on_disk(self, work: Callable[[], T]) -> T:
        try:
            return await in_daemon("connections", work, _DISK)
        except TimeoutError:
            raise Failure(FailureKind.TIMEOUT, "The disk did not answer.", f"Check {self._store.path}.") from None


def _failures(wanted: Iterable[tuple[str, Callable[[], object]]]) -> dict[str, Failure]:
    found = {}
    for field, check in wanted:
        try:
            check()
        except Failure as failure:
            found[field] = failure
    return found


def _require(value: object, otherwise: str) -> None:
    if not value:
        raise Failure(FailureKind.INVALID, otherwise)


def _needed(profile: Profile) -> Iterable[str]:
    if profile.security_protocol.sasl:
        yield "password"
    if profile.security_protocol.tls and profile.key_file and profile.key_password:
        yield "key_password"
    if profile.registry_url and profile.registry_password:
        yield "registry_password"


def _of_brokers(profile: Profile) -> Profile:
    """Without its registry, whose secret the brokers do not need."""
    return replace(profile, registry_url="")


def _check_registry(url: str) -> None:
    from kexplorer.registry.client import check_url  # noqa: PLC0415  (a start needs no HTTP)

    check_url(url)


def _ref(profile: Profile, field: str) -> SecretRef | None:
    """`ask:` without a name is this profile's own."""
    ref: SecretRef | None = getattr(profile, field)
    if ref and ref.store == SecretStore.ASK and not ref.name:
        return SecretRef(ref.store, f"{profile.name}/{field}")
    return ref


def _refs(profile: Profile) -> list[SecretRef]:
    return [ref for field in SECRET_FIELDS if (ref := getattr(profile, field))]
