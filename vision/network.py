"""The two-view network: one ResNet50 looks at the face and at the eye strip.

Both views go through the same convolutions; each has a linear head on its pooled features, and a
third head (*fused*) sees the features of both. The last stage keeps stride 1, so that the last
feature map, from which the heat map is drawn, is 6×6 for the face and 3×6 for the eyes instead of
half of that.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2015.
"""

from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from vision.crops import EYES_SIZE, FACE_SIZE
from vision.reading import EMOTIONS

# What ResNet50's ImageNet weights expect to be taken from blue, green and red.
_CHANNEL_MEANS: Final = (103.939, 116.779, 123.68)

# conv5 halves the map in these two layers; with stride 1 it does not.
_STRIDED: Final = ("conv5_block1_0_conv", "conv5_block1_1_conv")


def build_backbone() -> keras.Model:
    """Build `keras.applications.ResNet50` without its top and with conv5 at stride 1.

    The layers keep their names. Weights are random until loaded.
    """
    plain = keras.applications.ResNet50(
        weights=None, include_top=False, input_shape=(None, None, 3), name="backbone"
    )
    config = plain.get_config()
    for layer in config["layers"]:
        if layer["name"] in _STRIDED:
            layer["config"]["strides"] = (1, 1)
    return keras.Model.from_config(config)


def build_network(backbone: keras.Model | None = None) -> keras.Model:
    """Build the whole network around a backbone (a new one by default).

    Inputs are grey, 0..255, float32: `face` (B, 96, 96, 1) and `eyes` (B, 48, 96, 1). Outputs
    are the logits of the three heads, `eyes`, `face` and `fused`, each (B, 7) in the order of
    `EMOTIONS`, and the last feature maps `face_map` (B, 6, 6, C) and `eyes_map` (B, 3, 6, C).
    """
    backbone = build_backbone() if backbone is None else backbone
    width, height = EYES_SIZE
    face = keras.Input((FACE_SIZE, FACE_SIZE, 1), name="face")
    eyes = keras.Input((height, width, 1), name="eyes")
    triple = keras.layers.Concatenate(name="three_channels")
    centre = keras.layers.Rescaling(1.0, [-mean for mean in _CHANNEL_MEANS], name="centre")
    pool = keras.layers.GlobalAveragePooling2D(name="pool")

    face_map = backbone(centre(triple([face] * 3)))
    eyes_map = backbone(centre(triple([eyes] * 3)))
    face_features, eyes_features = pool(face_map), pool(eyes_map)
    both = keras.layers.Concatenate(name="both")([face_features, eyes_features])
    outputs: dict[str, Any] = {
        "eyes": _head("eyes")(eyes_features),
        "face": _head("face")(face_features),
        "fused": _head("fused")(both),
        "face_map": face_map,
        "eyes_map": eyes_map,
    }
    return keras.Model({"face": face, "eyes": eyes}, outputs, name="mirrortape")


def _head(view: str) -> keras.layers.Dense:
    return keras.layers.Dense(len(EMOTIONS), name=f"head_{view}")


def run_batches(
    network: keras.Model, inputs: dict[str, NDArray[np.float32]], batch: int = 64
) -> dict[str, NDArray[np.float32]]:
    """Return the logits of all heads, each (N, 7), for any number of inputs."""
    count = len(inputs["face"])
    parts = [
        network.predict_on_batch({name: view[i : i + batch] for name, view in inputs.items()})
        for i in range(0, count, batch)
    ]
    return {
        view: np.concatenate([part[view] for part in parts]) for view in ("eyes", "face", "fused")
    }
