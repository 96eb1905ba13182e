"""The settings of a camera that may be changed while it runs: paused or not, and live options."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from edge_vision.contracts.sink import StateValue
from edge_vision.contracts.stage import Stage
from edge_vision.data.errors import ConfigError, suggestion

ENABLED = "enabled"
WORDS = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


class Settings:
    """Keys and values: `enabled`, and `<stage>.<option>` for each option declared as live."""

    def __init__(self, stages: Mapping[str, Stage], enable: Callable[[bool], None]) -> None:
        self._stages = stages
        self._enable = enable
        self._lock = Lock()
        self.enabled = True

    def values(self) -> dict[str, StateValue]:
        """All settings as they are now."""
        values: dict[str, StateValue] = {ENABLED: self.enabled}
        for name, stage in self._stages.items():
            dumped = stage.options.model_dump(mode="json", include=set(stage.options.live()))
            values.update({f"{name}.{key}": value for key, value in dumped.items() if _is_plain(value)})
        return values

    def change(self, key: str, text: str) -> StateValue:
        """Set a key from text as a person or a program would send it; gives the value it has now.

        Booleans are true, on or 1 and false, off or 0 in any case; other values are JSON or bare words.
        Raises ConfigError for an unknown key and for a value its option does not allow.
        """
        with self._lock:
            if key == ENABLED:
                wanted = _boolean(text)
                if wanted != self.enabled:
                    self.enabled = wanted
                    self._enable(wanted)
                return wanted
            before = self.values()
            if key not in before:
                raise ConfigError(f"no such setting{suggestion(key, before)}", key)
            return self._change_option(key, text, before[key])

    def _change_option(self, key: str, text: str, before: StateValue) -> StateValue:
        name, _, option = key.rpartition(".")
        value = _boolean(text) if isinstance(before, bool) else _parsed(text)
        stage = self._stages[name]
        try:
            stage.options = stage.options.changed(option, value)
        except ConfigError as error:
            raise error.below(name) from None
        changed: StateValue = stage.options.model_dump(mode="json")[option]
        return changed


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool | int | float | str)


def _boolean(text: str) -> bool:
    try:
        return WORDS[text.strip().lower()]
    except KeyError:
        raise ConfigError(f"should be true or false, not {text[:40]!r}") from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()
