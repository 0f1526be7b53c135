"""Tells a web service of an alert: one POST of JSON, to nobody but the host that the person named."""

from __future__ import annotations

import ipaddress
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from urllib.parse import urlsplit

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.store.daemon import in_daemon

_SECONDS = 10.0


def check_webhook(url: str) -> None:
    """Raises `Failure` for an address that is not sent to: one without TLS, unless it is on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or not url.isascii() or " " in url:
        raise Failure(FailureKind.INVALID, "The webhook's address is not understood.", "Write https://host/path.")
    if parts.username is not None or parts.password is not None:
        raise Failure(FailureKind.INVALID, "The webhook's address has a password in it.", "Leave it out.")
    if parts.scheme == "http" and not _is_loopback(host):
        text = f"The webhook's address at {host} is not https."
        raise Failure(FailureKind.REFUSED, text, "Without TLS only this machine itself is told.")


async def post(url: str, content: Mapping[str, object]) -> None:
    """Raises `Failure` where the service did not take it. Follows no redirection."""
    check_webhook(url)
    try:
        await in_daemon("webhook", lambda: _post(url, json.dumps(content).encode()), 2 * _SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        text = f"The webhook answered {error.code}."
        raise Failure(FailureKind.REFUSED, text, "Check its address, and what it expects.") from None
    except (OSError, HTTPException) as error:
        why = getattr(error, "reason", error)
        raise Failure(FailureKind.UNREACHABLE, f"The webhook could not be told: {why}.", "Check its address.") from None


def _post(url: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "kexplorer"}
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310  (checked by check_webhook)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirection())
    with opener.open(request, timeout=_SECONDS):
        pass  # what it says beyond "taken" is not read


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """None: the answer is an error like any other."""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
