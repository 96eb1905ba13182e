"""Checking a .tflite file before anything reads it: nothing in it leads out of it.

The layouts are those of the published schema (tensorflow/lite/schema/schema.fbs), fields that newer
versions added included; see flatbuffer_check for how they are written.
"""

from __future__ import annotations

from edge_vision.builtin.tflite.flatbuffer_check import Layouts, TableChecker, Unions
from edge_vision.data.errors import ModelError

IDENTIFIER = b"TFL3"

TABLES: Layouts = {
    "Model": {
        1: "[OperatorCode]",
        2: "[SubGraph]",
        3: "text",
        4: "[Buffer]",
        5: "*4",
        6: "[Metadata]",
        7: "[SignatureDef]",
        8: "[ExternalBufferGroup]",
        9: "[ExternalBuffer]",
    },
    "OperatorCode": {1: "text"},
    "SubGraph": {0: "[Tensor]", 1: "*4", 2: "*4", 3: "[Operator]", 4: "text"},
    "Tensor": {
        0: "*4",
        3: "text",
        4: "QuantizationParameters",
        6: "SparsityParameters",
        7: "*4",
        9: "[VariantSubType]",
    },
    "QuantizationParameters": {0: "*4", 1: "*4", 2: "*4", 3: "*8", 5: "?QuantizationDetails"},
    "CustomQuantization": {0: "*1"},
    "BlockwiseQuantization": {3: "*4"},
    "MultiAxisQuantization": {3: "*4"},
    "SparsityParameters": {0: "*4", 1: "*4", 2: "[DimensionMetadata]"},
    "DimensionMetadata": {3: "?SparseIndexVector", 5: "?SparseIndexVector"},
    "Int32Vector": {0: "*4"},
    "Uint16Vector": {0: "*2"},
    "Uint8Vector": {0: "*1"},
    "VariantSubType": {0: "*4"},
    "Operator": {
        1: "*4",
        2: "*4",
        4: "?BuiltinOptions",
        5: "*1",
        7: "*1",
        8: "*4",
        12: "?BuiltinOptions2",
    },
    "ConcatEmbeddingsOptions": {1: "*4", 2: "*4"},
    "FullyConnectedOptions": {5: "*1"},
    "ReshapeOptions": {0: "*4"},
    "SqueezeOptions": {0: "*4"},
    "VarHandleOptions": {0: "text", 1: "text"},
    "BucketizeOptions": {0: "*4"},
    "StablehloBroadcastInDimOptions": {0: "*8"},
    "StablehloSliceOptions": {0: "*8", 1: "*8", 2: "*8"},
    "StablehloConvolutionOptions": {
        0: "*8",
        1: "*8",
        2: "*8",
        3: "*8",
        4: "*1",
        7: "*8",
        10: "*8",
        13: "*8",
        16: "*4",
    },
    "StablehloCustomCallOptions": {0: "text", 2: "text", 4: "*4", 5: "*1"},
    "StablehloReduceOptions": {0: "*8"},
    "StablehloScatterOptions": {1: "*8", 2: "*8", 3: "*8"},
    "StablehloDynamicSliceOptions": {0: "*8"},
    "StablehloPadOptions": {0: "*8", 1: "*8", 2: "*8"},
    "StablehloDotGeneralOptions": {0: "*8", 1: "*8", 2: "*8", 3: "*8", 4: "*4"},
    "StablehloReduceWindowOptions": {0: "*8", 1: "*8", 2: "*8", 3: "*8", 4: "*8"},
    "StablehloGatherOptions": {0: "*8", 1: "*8", 2: "*8", 4: "*8"},
    "StablehloTransposeOptions": {0: "*8"},
    "StableHLOCompositeOptions": {0: "text", 2: "*1"},
    "StablehloCaseOptions": {0: "*4"},
    "Buffer": {0: "*1"},
    "Metadata": {0: "text"},
    "SignatureDef": {0: "[TensorMap]", 1: "[TensorMap]", 2: "text"},
    "TensorMap": {0: "text"},
    "ExternalBufferGroup": {0: "text"},
    "ExternalBuffer": {4: "text"},
}

UNIONS: Unions = {
    "QuantizationDetails": {
        1: "CustomQuantization",
        2: "BlockwiseQuantization",
        3: "MultiAxisQuantization",
    },
    "SparseIndexVector": {1: "Int32Vector", 2: "Uint16Vector", 3: "Uint8Vector"},
    "BuiltinOptions": {
        3: "ConcatEmbeddingsOptions",
        8: "FullyConnectedOptions",
        17: "ReshapeOptions",
        30: "SqueezeOptions",
        111: "VarHandleOptions",
        115: "BucketizeOptions",
    },
    "BuiltinOptions2": {
        2: "StablehloBroadcastInDimOptions",
        3: "StablehloSliceOptions",
        4: "StablehloConvolutionOptions",
        5: "StablehloCustomCallOptions",
        6: "StablehloReduceOptions",
        7: "StablehloScatterOptions",
        9: "StablehloDynamicSliceOptions",
        10: "StablehloPadOptions",
        12: "StablehloDotGeneralOptions",
        13: "StablehloReduceWindowOptions",
        16: "StablehloGatherOptions",
        17: "StablehloTransposeOptions",
        21: "StableHLOCompositeOptions",
        23: "StablehloCaseOptions",
    },
}


def check_model(content: bytes) -> None:
    """Raise ModelError, without the file's name, where a .tflite file is cut short or damaged."""
    if content[4:8] != IDENTIFIER:
        raise ModelError(f"is not a TFLite model (no {IDENTIFIER.decode()} at its fifth byte)")
    TableChecker(content, TABLES, UNIONS).check("Model")
