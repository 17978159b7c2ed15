# SPDX-License-Identifier: GPL-2.0-or-later
"""The algorithms, one a file; their ids are for ever the same."""

from __future__ import annotations

from .base import Algorithm
from .check_installation import CheckInstallation
from .classify_multilabel import ClassifyMultilabel
from .classify_scenes import ClassifyScenes
from .convert_checkpoint import ConvertCheckpoint
from .create_live_layer import CreateLiveLayer
from .describe_model import DescribeModel
from .detect_changes import DetectChanges
from .extract_embeddings import ExtractEmbeddings
from .find_similar import FindSimilar
from .install_native_library import InstallNativeLibrary
from .prepare_sentinel2 import PrepareSentinel2
from .reconstruct import Reconstruct
from .segment import Segment
from .train_model import TrainModel

ALGORITHMS: tuple[type[Algorithm], ...] = (
    Segment,
    ClassifyScenes,
    ClassifyMultilabel,
    DetectChanges,
    ExtractEmbeddings,
    Reconstruct,
    FindSimilar,
    PrepareSentinel2,
    CreateLiveLayer,
    TrainModel,
    ConvertCheckpoint,
    DescribeModel,
    CheckInstallation,
    InstallNativeLibrary,
)
