"""The broker: where it is, how it is spoken to, and who speaks; read from options and files."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from edge_vision.builtin.mqtt.options import MqttOptions, TlsOptions
from edge_vision.builtin.secret_file import find_credential, read_secret
from edge_vision.contracts.sink import SinkContext
from edge_vision.data.errors import ConfigError

logger = logging.getLogger(__name__)

PASSWORD_CREDENTIAL = "mqtt-password"  # noqa: S105  the name of a credential, not a password


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is, how it is spoken to, and who speaks. Its text never holds the password.

    will_topic  where the broker says "offline" when this client vanishes
    """

    host: str
    port: int
    client_id: str
    will_topic: str
    username: str | None
    password: str | None = field(repr=False)
    tls: ssl.SSLContext | None
    keepalive: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def broker_of(options: MqttOptions, context: SinkContext) -> Broker:
    """The broker that options speak of; raises ConfigError where a file cannot be used."""
    identity = context.identity
    name = f"{identity.root}-{identity.node}".replace("/", "-")
    if context.name != "mqtt":
        name += f"-{context.name}"
    return Broker(
        host=options.host,
        port=options.port or (1883 if options.tls is None else 8883),
        client_id=options.client_id or name,
        will_topic=identity.topic("status"),
        username=options.username,
        password=_password(options, context.folder),
        tls=None if options.tls is None else _tls(options.tls, context.folder),
        keepalive=options.keepalive,
    )


def _password(options: MqttOptions, folder: Path) -> str | None:
    if options.password_file is not None:
        file = find_credential(options.password_file) or folder / options.password_file
        return read_secret(file, "password_file")
    credential = find_credential(PASSWORD_CREDENTIAL) if options.username else None
    return None if credential is None else read_secret(credential, "password_file")


def _tls(options: TlsOptions, folder: Path) -> ssl.SSLContext:
    ca_file = None if options.ca_file is None else folder / options.ca_file
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigError(_unusable(ca_file, error), "tls.ca_file") from None
    if options.cert_file is not None:
        cert_file = folder / options.cert_file
        key_file = None if options.key_file is None else folder / options.key_file
        try:
            # With an empty password an encrypted key is an error; with none, OpenSSL asks.
            context.load_cert_chain(cert_file, key_file, password="")
        except OSError as error:
            raise ConfigError(_unusable(cert_file, error), "tls.cert_file") from None
    if options.insecure:
        logger.warning("tls.insecure: the broker's certificate is not checked")
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _unusable(file: Path | None, error: OSError) -> str:
    # ssl.SSLError is an OSError too: strerror is its text for people, or None.
    return f"cannot use {file}: {error.strerror or error}"
