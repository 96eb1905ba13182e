"""edge_vision turns cameras into facts on MQTT, on one small computer. These are its public names."""

from edge_vision.adapters.candidates import Candidates
from edge_vision.adapters.classification import ClassScores
from edge_vision.adapters.embeddings import Vector
from edge_vision.adapters.enlarging import Enlarger
from edge_vision.adapters.generators import Conditions
from edge_vision.adapters.keypoints import COCO_KEYPOINTS, Poses
from edge_vision.adapters.pictures import RealPicture
from edge_vision.adapters.redrawing import Redrawing
from edge_vision.adapters.runner import Runner
from edge_vision.adapters.segmentation import ClassMap
from edge_vision.adapters.texts import ReadText
from edge_vision.builtin.litert import LiteRTModel
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.hookspecs import hookimpl
from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.contracts.options import ModelName, Options, StageNames, option
from edge_vision.contracts.sink import CameraStatus, Sink, SinkContext, StateValue
from edge_vision.contracts.source import Source, SourceContext
from edge_vision.contracts.stage import Stage, StageContext
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data import geometry
from edge_vision.data.errors import (
    ConfigError,
    EdgeVisionError,
    ModelError,
    PluginError,
    SinkError,
    SourceError,
    SourceLost,
    StageError,
)
from edge_vision.data.event import Event
from edge_vision.data.findings import (
    Detection,
    Detections,
    Embedding,
    Finding,
    Labels,
    Picture,
    Segments,
    Text,
)
from edge_vision.data.frame import Frame, Image
from edge_vision.data.payload import Identity, event_payload, picture_name, result_payload
from edge_vision.data.result import Result
from edge_vision.data.view import View

__all__ = [
    "COCO_KEYPOINTS",
    "CameraStatus",
    "Candidates",
    "ClassMap",
    "ClassScores",
    "Conditions",
    "ConfigError",
    "Detection",
    "Detections",
    "EdgeVisionError",
    "Embedding",
    "Enlarger",
    "Event",
    "Finding",
    "Frame",
    "Identity",
    "Image",
    "Labels",
    "LiteRTModel",
    "Model",
    "ModelBundle",
    "ModelError",
    "ModelName",
    "Options",
    "Picture",
    "PluginError",
    "Poses",
    "Quantisation",
    "ReadText",
    "RealPicture",
    "Redrawing",
    "Result",
    "Runner",
    "Segments",
    "Sink",
    "SinkContext",
    "SinkError",
    "Source",
    "SourceContext",
    "SourceError",
    "SourceLost",
    "Stage",
    "StageContext",
    "StageError",
    "StageNames",
    "StateValue",
    "TensorSpec",
    "Text",
    "Vector",
    "View",
    "event_payload",
    "geometry",
    "hookimpl",
    "load_bundle",
    "option",
    "picture_name",
    "result_payload",
]
