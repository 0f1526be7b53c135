"""A profile in the words of the second client, kafka-python."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from kexplorer.kafka import properties
from kexplorer.kafka.failures import CHECK_TLS
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile

_REQUEST = 5.0  # seconds that one broker has for one answer
_BEYOND_US = ("ssl.curves.list", "ssl.sigalgs.list")  # Python's ssl lacks them


def client_config(profile: Profile, credentials: Credentials) -> dict[str, Any]:
    """The profile in kafka-python's words. Raises `Failure` for what it cannot honour. Reads the TLS files."""
    given = properties.admin_config(profile, credentials)  # checks all of it
    for key in _BEYOND_US:
        if key in profile.properties:
            raise Failure(
                FailureKind.UNSUPPORTED,
                f"Groups, disks, reassignments, quotas and ACLs are not available with the property {key}.",
                "The client that reads them cannot honour it. Remove it from the profile if your brokers allow that.",
            )
    config = {
        "bootstrap_servers": given["bootstrap.servers"].split(","),
        "client_id": given["client.id"],
        "security_protocol": given["security.protocol"],
        "client_dns_lookup": given.get("client.dns.lookup", "use_all_dns_ips"),
        "request_timeout_ms": int(_REQUEST * 1000),
        "socket_connection_setup_timeout_ms": int(_REQUEST * 1000),
        "receive_message_max_bytes": 1 << 30,  # what all partitions' sizes of a large broker take
        "reconnect_backoff_max_ms": 1000,
        "max_in_flight_requests_per_connection": 50,  # one more is refused, not queued
        "proxy_url": f"direct://{given.get('broker.address.family', 'any')}",  # no proxy: see protocol.py
    }
    if profile.security_protocol.sasl:
        config["sasl_mechanism"] = given["sasl.mechanisms"]
        config["sasl_plain_username"] = given["sasl.username"]
        config["sasl_plain_password"] = given["sasl.password"]
    if profile.security_protocol.tls:
        config["ssl_context"] = _tls(given)
    return config


class _TlsSocket(ssl.SSLSocket):
    """WORKAROUND: kafka-python does not close the socket of a handshake that failed.
    https://github.com/dpkp/kafka-python/blob/master/kafka/net/manager.py"""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError:
            self.close()
            raise


def _tls(given: Mapping[str, Any]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=given.get("ssl.ca.location"))
        context.sslsocket_class = _TlsSocket
        if "ssl.certificate.location" in given:
            password = given.get("ssl.key.password")
            # without one nobody may be asked at the terminal
            context.load_cert_chain(given["ssl.certificate.location"], given["ssl.key.location"], password or "")
        if "ssl.crl.location" in given:
            context.load_verify_locations(given["ssl.crl.location"])
            context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
        if "ssl.cipher.suites" in given:
            context.set_ciphers(given["ssl.cipher.suites"])
    except (ssl.SSLError, OSError) as error:
        raise Failure(FailureKind.TLS, f"The TLS files of the profile cannot be used: {error}.", CHECK_TLS) from error
    return context
