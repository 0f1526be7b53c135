"""Certificates made for one test run: good ones and each kind of bad one."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization


@dataclass(frozen=True)
class Certificates:
    """PEM files. Kafka reads key (PKCS#8) and chain of a server in one file, librdkafka those of a client in two."""

    ca: Path
    unknown_ca: Path
    server: Path
    wrong_host: Path
    expired: Path
    client: Path
    client_key: Path


def make(directory: Path) -> Certificates:
    """Make all certificates in `directory`."""
    made = Certificates(*(directory / f"{name}.pem" for name in Certificates.__dataclass_fields__))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(made.ca)
    trustme.CA().cert_pem.write_to_path(made.unknown_ca)
    _write(authority.issue_cert("localhost", "127.0.0.1"), made.server)
    _write(authority.issue_cert("elsewhere.invalid"), made.wrong_host)
    begin, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)
    _write(authority.issue_cert("localhost", "127.0.0.1", not_before=begin, not_after=end), made.expired)
    client = authority.issue_cert("client@kexplorer.invalid", common_name="kexplorer-client")
    client.cert_chain_pems[0].write_to_path(made.client)
    client.private_key_pem.write_to_path(made.client_key)
    return made


def _write(cert: trustme.LeafCert, path: Path) -> None:
    key = serialization.load_pem_private_key(cert.private_key_pem.bytes(), None)
    pkcs8 = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(pkcs8 + b"".join(pem.bytes() for pem in cert.cert_chain_pems))
