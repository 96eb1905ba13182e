"""Options of the MQTT sink: what a user may write in [mqtt]."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Any, Literal

from pydantic import WithJsonSchema, field_validator, model_validator

from edge_vision.builtin.mqtt.message import topic_problem
from edge_vision.contracts.options import Options, option


class TlsOptions(Options):
    """How the connection is encrypted, and who is trusted."""

    ca_file: str | None = option(
        None, "Certificates that are trusted, PEM; left out, those of the system.", min_length=1
    )
    cert_file: str | None = option(None, "Certificate that this client shows, PEM.", min_length=1)
    key_file: str | None = option(
        None, "Its key, PEM, not encrypted; left out, it is in cert_file.", min_length=1
    )
    insecure: bool = option(
        False, "Accept any certificate: whoever is in between can read and change everything."
    )

    @model_validator(mode="after")
    def _a_key_needs_a_certificate(self) -> TlsOptions:
        if self.key_file and not self.cert_file:
            raise ValueError("key_file needs cert_file")
        return self


Tls = Annotated[
    TlsOptions | None,
    WithJsonSchema({"anyOf": [{"type": "boolean"}, TlsOptions.model_json_schema()]}),
]


class MqttOptions(Options):
    """Where the broker is, who speaks, and what is sent."""

    host: str = option(
        "localhost", "The broker's name or address.", pattern=r"^[^\s/@]+$", max_length=253
    )
    port: int | None = option(
        None, "The broker's port; left out, 1883, or 8883 with TLS.", ge=1, le=65535
    )
    username: str | None = option(None, "The name to log in with.", min_length=1, max_length=1000)
    password_file: str | None = option(
        None,
        "File that holds the password; a systemd credential of that name comes first. Left out while "
        "a username is given, the credential mqtt-password, if there is one.",
        min_length=1,
    )
    tls: Tls = option(None, "true, or a table with ca_file, cert_file, key_file, insecure.")
    root: str = option("edge-vision", "What all topics begin with.", max_length=200)
    client_id: str | None = option(
        None,
        "The client's name at the broker; left out, root and node. Stable, so that a second daemon "
        "of the same name is noticed.",
        min_length=1,
        max_length=200,
    )
    keepalive: int = option(
        30, "The connection is tried after so long a silence.", unit="s", ge=5, le=3600
    )
    protocol: Literal["auto", "5", "3.1.1"] = option(
        "auto", "MQTT version; auto is 5, or 3.1.1 where the broker does not speak it."
    )
    results: bool = option(True, "Send a result for every processed frame.")
    images: bool = option(True, "Send the pictures that stages make.")
    result_expiry: int = option(
        60,
        "The broker forgets an undelivered result after so long (MQTT 5 only).",
        unit="s",
        ge=1,
        le=31_536_000,
    )
    quality: int = option(85, "Quality of JPEG pictures.", ge=1, le=100)
    max_pending: int = option(
        500, "At most so many results, pictures and statistics wait to be sent.", ge=1, le=60000
    )
    max_pending_bytes: int = option(
        16 * 1024 * 1024, "At most so many bytes of them wait.", unit="bytes", ge=65536
    )
    reconnect_min: float = option(
        1.0,
        "Wait before the first attempt to connect again; doubled each time.",
        unit="s",
        ge=0.1,
        le=3600,
    )
    reconnect_max: float = option(
        60.0, "Wait at most so long between two attempts.", unit="s", ge=0.1, le=3600
    )

    @field_validator("tls", mode="before")
    @classmethod
    def _true_is_an_empty_table(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return TlsOptions() if value else None
        return value

    @field_validator("host")
    @classmethod
    def _host_has_no_port(cls, host: str) -> str:
        if ":" in host:
            try:
                ip_address(host)
            except ValueError:
                raise ValueError("is a name or an address; the port has an option of its own") from None
        return host

    @field_validator("root")
    @classmethod
    def _root_can_begin_a_topic(cls, root: str) -> str:
        problem = topic_problem(root)
        if problem is None and root.startswith("$"):
            problem = "must not begin with $, which is the broker's own"
        if problem is None and "" in root.split("/"):
            problem = "must have no empty level: no / at its beginning or end, no //"
        if problem is None and not root.isprintable():
            problem = "must have printable characters only"
        if problem is not None:
            raise ValueError(problem)
        return root

    @model_validator(mode="after")
    def _fits_together(self) -> MqttOptions:
        if self.password_file and self.username is None:
            raise ValueError("password_file needs a username")
        if self.reconnect_min > self.reconnect_max:
            raise ValueError("reconnect_min is larger than reconnect_max")
        return self
