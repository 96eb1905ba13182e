from __future__ import annotations

import inspect

import pluggy
import pytest

from edge_vision.contracts import hookspecs
from edge_vision.contracts.hookspecs import PROJECT, hookimpl
from edge_vision.contracts.model import ModelBundle

HOOKS = [
    "register_sources",
    "register_stages",
    "register_sinks",
    "open_model",
    "service_started",
    "event_emitted",
    "service_stopping",
]


@pytest.fixture
def manager() -> pluggy.PluginManager:
    made = pluggy.PluginManager(PROJECT)
    made.add_hookspecs(hookspecs)
    return made


def test_the_hooks_are_those_of_the_manual_in_the_order_they_are_called() -> None:
    marked = [name for name, value in vars(hookspecs).items() if hasattr(value, f"{PROJECT}_spec")]
    assert marked == HOOKS


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_says_when_it_is_called_and_is_typed(name: str) -> None:
    hook = getattr(hookspecs, name)
    assert (inspect.getdoc(hook) or "").startswith("Called ")
    signature = inspect.signature(hook)
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty


def test_a_hook_may_take_fewer_arguments(manager: pluggy.PluginManager) -> None:
    class Plugin:
        @hookimpl
        def open_model(self, bundle: ModelBundle) -> str:
            return "opened"

    manager.register(Plugin())
    manager.check_pending()
    assert manager.hook.open_model(bundle=None, threads=1) == "opened"


def test_the_first_model_that_is_opened_wins_and_none_passes(manager: pluggy.PluginManager) -> None:
    class Passes:
        @hookimpl
        def open_model(self) -> None:
            return None

    class Opens:
        @hookimpl(trylast=True)
        def open_model(self) -> str:
            return "built in"

    manager.register(Opens())
    manager.register(Passes())
    assert manager.hook.open_model(bundle=None, threads=1) == "built in"


def test_a_misspelled_hook_and_one_with_unknown_arguments_are_refused(
    manager: pluggy.PluginManager,
) -> None:
    class Misspelled:
        @hookimpl
        def register_stage(self) -> None: ...

    manager.register(Misspelled(), "misspelled")
    with pytest.raises(pluggy.PluginValidationError, match="register_stage"):
        manager.check_pending()

    class Wrong:
        @hookimpl
        def event_emitted(self, evnet: object) -> None: ...

    with pytest.raises(pluggy.PluginValidationError, match="evnet"):
        manager.register(Wrong(), "wrong")
