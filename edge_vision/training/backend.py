"""The backend that Keras computes with in this process: TensorFlow, JAX or torch."""

from __future__ import annotations

TENSORFLOW = "tensorflow"
"""The only backend that networks are converted on."""


def backend() -> str:
    """Its name, as in KERAS_BACKEND."""
    import keras  # noqa: PLC0415 - it settles on a backend when it is imported

    return str(keras.backend.backend())
