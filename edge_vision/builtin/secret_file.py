"""Secrets: read from files and systemd credentials, never from the configuration itself."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from edge_vision.data.errors import ConfigError

logger = logging.getLogger(__name__)

LARGEST = 4096
"""A longer secret, in bytes, is surely another file."""


def find_credential(name: str) -> Path | None:
    """The systemd credential of that name (`LoadCredential=`), or None where there is none."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder or Path(name).name != name:
        return None
    file = Path(folder) / name
    return file if file.is_file() else None


def read_secret(file: Path, option: str) -> str:
    """The secret in a file, without the newline at its end.

    Raises ConfigError with the path `option` where it cannot be used; warns where everybody on the
    machine could read it. No message holds the secret.
    """
    try:
        mode = file.stat().st_mode
        with file.open("rb") as stream:
            content = stream.read(LARGEST + 1)
        secret = content.decode()
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}", option) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not text in UTF-8", option) from None
    if len(content) > LARGEST:
        raise ConfigError(f"{file} is too long to be a secret", option)
    secret = secret.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise ConfigError(f"{file} is empty", option)
    if mode & stat.S_IROTH:
        logger.warning("%s can be read by every user; chmod 600 it", file)
    return secret
