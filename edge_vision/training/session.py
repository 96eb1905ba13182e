"""A session: what a recipe has while it trains: folders, a teacher, a backbone, and its fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.model import Model
from edge_vision.data.errors import TrainingError
from edge_vision.training.fitting.history import History
from edge_vision.training.fitting.progress import Progress
from edge_vision.training.fitting.settings import FitSettings
from edge_vision.training.fitting.tensorboard import TensorBoard
from edge_vision.training.score import Score

if TYPE_CHECKING:
    from edge_vision.training.fitting.epoch_data import MakeEpoch
    from edge_vision.training.fitting.strategy import Distribution

ALONE = "fit"
"""The name of a fit that is the only one."""

Opening: TypeAlias = Callable[[str], AbstractContextManager[Model]]
"""Opens a model by its bundle's name, a folder or a file, and closes it at the end."""


def nothing_opened(written: str) -> AbstractContextManager[Model]:
    """The opening of who has no models: raises TrainingError."""
    raise TrainingError(f"{written}: no model can be opened here")


@dataclass(eq=False)
class Session:
    """One training: where it writes, what it tells people, and what it may use.

    Fits that are done are not done again: where their checkpoints are in the folder, their networks get
    the weights that they ended with.

    folder        the run's; each fit has one of its own in there
    cache         for what is worth keeping until the next time, such as a teacher's answers
    open_model    opens a bundle, such as a teacher
    find_model    the folder or file of a model, by its bundle's name or a path
    say           tells people something, one line
    distribution  over what the fits run; None for this process alone
    histories     of the fits, by their names, in their order
    """

    folder: Path
    cache: Path
    open_model: Opening
    find_model: Callable[[str], Path]
    say: Callable[[str], None]
    distribution: Distribution | None = None
    histories: dict[str, History] = field(default_factory=dict)

    def scope(self, seed: int) -> AbstractContextManager[Any]:
        """Where a network has to be built, so that it begins alike each time and where it is trained.

        seed  what its first weights, and all that is random in its layers, come from
        """
        import keras  # noqa: PLC0415 - recipes can be looked at without it

        keras.utils.set_random_seed(seed)
        return nullcontext() if self.distribution is None else self.distribution.scope()

    def fit(
        self,
        network: Any,
        losses: Mapping[str, Any],
        data: MakeEpoch,
        validate: Callable[[Any], Score],
        settings: FitSettings,
        name: str = ALONE,
    ) -> History:
        """Train a network, or go on with it; at the end it has its best weights.

        losses    a loss, or a Goal, for each output that is to be learnt, by the output's name
        data      makes the arrays of an epoch from its number and a source of all that is random in it
        validate  judges the network; the first figure of its Score decides
        name      of the fit, where a recipe has several
        """
        from edge_vision.training.fitting.trainer import fit  # noqa: PLC0415 - needs Keras

        folder = self.folder / name
        if name != ALONE:
            self.say(f"{name}:")
        watchers = (Progress(), TensorBoard(folder))
        history = fit(network, losses, data, validate, settings, folder, watchers)
        self.histories[name] = history
        return history

    def teacher(self, written: str) -> AbstractContextManager[Model]:
        """A model that teaches, opened: a bundle by its name, a folder or a file."""
        return self.open_model(written)

    def begin_from(self, network: Any, written: str, pictures: NDArray[np.uint8] | None = None) -> None:
        """Give a network what was learnt before, layer by layer as far as it fits, and say how far.

        written   a shipped or installed bundle, the folder of a run, or an .npz or .tflite file
        pictures  a few dozen that are like those to come, for what a .tflite file does not tell
        """
        from edge_vision.training.transfer.backbones import start_from  # noqa: PLC0415 - needs Keras

        self.say(str(start_from(network, self.found(written), pictures=pictures)))

    def found(self, written: str) -> Path:
        """The file or folder of a path, or of a bundle's name."""
        path = Path(written)
        return path if path.exists() else self.find_model(written)
