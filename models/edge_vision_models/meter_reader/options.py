"""Options of the recipe `meter-reader`."""

from __future__ import annotations

from edge_vision.contracts.options import option
from edge_vision_models.meter_digits.wheels import Filters, WheelOptions


class MeterReaderOptions(WheelOptions):
    """Options of the recipe `meter-reader`."""

    epochs: int = option(40, "So many times the CNN goes through the pictures of wheels.", ge=1)
    strength: tuple[float, float] = option(
        (1.0, 0.25), "Share of the changes in the CNN's first epoch, and towards its end."
    )
    filters: Filters = option(
        ((32, 32), (48, 48), (64, 64)), "Channels of the CNN's convolutions, halved after each group."
    )
    hidden: int = option(96, "Values between what the CNN sees and its scores.", ge=1)
    dropout: float = option(0.3, "Share of what is seen that is left out in each step.", ge=0, lt=1)
    sharpness: float = option(
        6.0,
        "What the CNN's logits are multiplied by before the GRU sees their shares: with one tenth "
        "before it, it says the same of a wheel and of what that pushes.",
        gt=0,
    )
    memory: tuple[int, int, int] = option(
        (64, 64, 64), "Values of a wheel, of the GRU, and of both together."
    )
    memory_epochs: int = option(8, "Epochs of the GRU over what the CNN sees.", ge=1)
    memory_rate: float = option(4e-3, "The highest learning rate of the GRU.", gt=0.0)
    memory_rows: int = option(30_000, "Rows that are composed for each of its epochs.", ge=1)
    exam_rows: int = option(3_000, "Rows that judge.", ge=1)
    compare: str = option(
        "",
        "A classifier of tenths, such as meter-digits, that reads the same rows digit by digit, and by "
        "a carry rule, for comparison; left out, the reader's own CNN.",
    )
