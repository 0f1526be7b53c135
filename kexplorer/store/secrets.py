"""Secrets by reference: in the operating system's keyring, in the environment, or asked for and kept in memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import SecretRef, SecretStore
from kexplorer.store.daemon import in_daemon

SERVICE = "kexplorer"
_OTHER_PLACES = "Unlock it, or choose the environment or “ask each time” as the place of this secret."

T = TypeVar("T")


class Secrets:
    """`limit` is how many seconds the keyring may take; it blocks while it asks the person to unlock it. Every call
    raises `Failure` for what it cannot do, and says nothing of a secret's value."""

    def __init__(self, limit: float = 60.0) -> None:
        self._limit = limit
        self._asked: dict[str, str] = {}

    async def resolve(self, ref: SecretRef) -> str:
        """The secret. NOT_FOUND if there is none; for `ask:` that is until it was stored."""
        if ref.store == SecretStore.KEYRING:
            found = await self._keyring(lambda keyring: keyring.get_password(SERVICE, ref.name))
            remedy = "Enter it in the connection's settings."
        elif ref.store == SecretStore.ENVIRONMENT:
            found = os.environ.get(ref.name)
            remedy = f"Set {ref.name} before you start Kafka Explorer."
        else:
            found = self._asked.get(ref.name)
            remedy = "Connect again and enter it."
        if not found:
            raise Failure(FailureKind.NOT_FOUND, f"The secret {ref} is not set.", remedy)
        return str(found)

    async def store(self, ref: SecretRef, value: str) -> None:
        if ref.store == SecretStore.ENVIRONMENT:
            raise Failure(FailureKind.INVALID, f"{ref} is set outside of Kafka Explorer.", "Choose another place.")
        if ref.store == SecretStore.ASK:
            self._asked[ref.name] = value
            return
        await self._keyring(lambda keyring: keyring.set_password(SERVICE, ref.name, value))

    async def delete(self, ref: SecretRef) -> None:
        """Forgets it where we may; a secret that is not there is no failure."""
        if ref.store == SecretStore.ASK:
            self._asked.pop(ref.name, None)
        elif ref.store == SecretStore.KEYRING:
            await self._keyring(lambda keyring: _delete(keyring, ref.name))

    async def _keyring(self, call: Callable[[Any], T]) -> T:
        """Imports keyring in the thread too: that takes 0.2 s, and some backends already ask then."""

        def work() -> T:
            import keyring  # noqa: PLC0415
            import keyring.errors  # noqa: PLC0415

            try:
                return call(keyring)
            except keyring.errors.NoKeyringError:
                raise _refused("This system has no keyring.") from None
            except Exception as error:  # each backend has its own kinds
                raise _refused(f"The system's keyring refused: {type(error).__name__}.") from error

        try:
            return await in_daemon("keyring", work, self._limit)
        except TimeoutError:
            raise _refused(f"The system's keyring did not answer within {self._limit:g} s.") from None


def _delete(keyring: Any, name: str) -> None:
    if keyring.get_password(SERVICE, name) is not None:
        keyring.delete_password(SERVICE, name)


def _refused(why: str) -> Failure:
    return Failure(FailureKind.REFUSED, why, _OTHER_PLACES)
