"""Networks made .tflite files with the plain converter, and what such a file gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


def converted(network: Any, folder: Path, form: str = "float32", samples: Sequence[Arrays] = ()) -> Path:
    """A float32, float16 or int8 .tflite file of a network with a batch of 1 and a dict of inputs."""
    import keras  # noqa: PLC0415 - only where it is installed
    import tensorflow  # noqa: PLC0415

    archive = keras.export.ExportArchive()
    archive.track(network)
    names = [tensor.name for tensor in network.inputs]
    signature = {
        tensor.name: tensorflow.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name)
        for tensor in network.inputs
    }
    archive.add_endpoint("serve", lambda x: network({n: x[n] for n in names}), [signature])
    archive.write_out(str(folder / "saved"), verbose=False)
    converter = tensorflow.lite.TFLiteConverter.from_saved_model(
        str(folder / "saved"), signature_keys=["serve"]
    )
    if form != "float32":
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    if form == "float16":
        converter.target_spec.supported_types = [tensorflow.float16]
    if form == "int8":
        converter.representative_dataset = lambda: iter(samples)
        converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tensorflow.int8
    file = folder / f"{form}.tflite"
    file.write_bytes(converter.convert())
    return file


def interpreted(file: Path, sample: Arrays) -> dict[str, NDArray[np.float32]]:
    """The real values that a file gives for real values, by the names of its signature."""
    interpreter = _opened(file)
    signature = interpreter.get_signature_runner("serve")
    taken = {}
    for name, details in signature.get_input_details().items():
        scale, zero_point = details["quantization"]
        stored = (
            np.clip(np.rint(sample[name] / scale) + zero_point, -128, 127) if scale else sample[name]
        )
        taken[name] = stored.astype(details["dtype"])
    given = signature(**taken)
    outputs = signature.get_output_details()
    return {name: _real(outputs[name], array) for name, array in given.items()}


def tensor_in(file: Path, index: int, values: NDArray[Any]) -> NDArray[np.float32]:
    """The real values of a tensor inside a file's graph for what is put into its only input."""
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    options = {"experimental_op_resolver_type": plain, "experimental_preserve_all_tensors": True}
    interpreter = _opened(file, **options)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    details = next(each for each in interpreter.get_tensor_details() if each["index"] == index)
    return _real(details, interpreter.get_tensor(index))


def operators_in(file: Path) -> set[str]:
    """The names of a file's operators."""
    return {each["op_name"] for each in _opened(file)._get_ops_details()}


def _opened(file: Path, **options: Any) -> Any:
    interpreter = Interpreter(str(file), num_threads=1, **options)
    interpreter.allocate_tensors()
    return interpreter


def _real(details: Mapping[str, Any], array: NDArray[Any]) -> NDArray[np.float32]:
    scale, zero_point = details["quantization"]
    return np.asarray((array.astype(np.float32) - zero_point) * scale if scale else array, np.float32)
