"""The two-view network: one ResNet50 looks at the face and at the eye strip.

Both views go through the same convolutions; each has a linear head on its pooled features, and a
third head (*fused*) sees the features of both. The last stage keeps stride 1, so that the last
feature map, from which the heat map is drawn, is 6×6 for the face and 3×6 for the eyes instead of
half of that.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2015.
"""

from typing import Any, Final

import keras

from vision.coverings import COVERINGS
from vision.crops import EYES_SIZE, FACE_SIZE
from vision.errors import WeightsAltered
from vision.reading import EMOTIONS
from vision.weights import CHANNEL_MEANS, COVERING_HEAD, HEADS, VIEWS, Labels, Tensors, unpack

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
    inputs = _inputs((FACE_SIZE, FACE_SIZE), (height, width))
    maps, features = _see(backbone, inputs)
    heads: dict[str, Any] = {view: _head(f"head_{view}")(features[view]) for view in VIEWS}
    outputs = {**heads, "face_map": maps["face"], "eyes_map": maps["eyes"]}
    return keras.Model(inputs, outputs, name="mirrortape")


def build_trainee(backbone: keras.Model, *, batch_statistics: bool) -> keras.Model:
    """Build the network for training: views of any size, and a set of heads per label set.

    Outputs are the logits of each of `HEADS`, float32 (B, 7), and of `COVERING_HEAD`, (B, 3),
    whatever the precision of the rest.

    Args:
        backbone: The convolutions, shared by both views.
        batch_statistics: Whether training normalises with the mean and variance of each batch.
            Those differ between face and eye strip, while a served network has one set for both;
            without, training uses that set as it is, just as serving does.
    """
    inputs = _inputs((None, None), (None, None))
    _, features = _see(backbone if batch_statistics else _AsServed(backbone), inputs)
    outputs = {head: _head(head)(features[head.rsplit("_", 1)[1]]) for head in HEADS}
    outputs[COVERING_HEAD] = _head(COVERING_HEAD, len(COVERINGS))(features["fused"])
    return keras.Model(inputs, outputs, name="trainee")


def _inputs(face: tuple[Any, Any], eyes: tuple[Any, Any]) -> dict[str, Any]:
    return {
        "face": keras.Input((*face, 1), name="face"),
        "eyes": keras.Input((*eyes, 1), name="eyes"),
    }


class _AsServed(keras.layers.Layer):  # type: ignore[misc]
    """A backbone that normalises while it learns as it will when it serves.

    A layer of its own, since a model that trains overrides `training=False` in its graph.
    """

    def __init__(self, backbone: keras.Model) -> None:
        super().__init__(name=backbone.name)
        self.backbone = backbone

    @property
    def layers(self) -> list[keras.layers.Layer]:
        return list(self.backbone.layers)

    def call(self, view: Any) -> Any:
        return self.backbone(view, training=False)


def _see(
    backbone: keras.Model | _AsServed, inputs: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the last feature map of both views, and the features that each head gets."""
    triple = keras.layers.Concatenate(name="three_channels")
    centre = keras.layers.Rescaling(
        1.0, [-mean for mean in CHANNEL_MEANS], name="centre", dtype="float32"
    )
    pool = keras.layers.GlobalAveragePooling2D(name="pool", dtype="float32")
    maps = {view: backbone(centre(triple([x] * 3))) for view, x in inputs.items()}
    features = {view: pool(feature_map) for view, feature_map in maps.items()}
    both = keras.layers.Concatenate(name="both", dtype="float32")
    features["fused"] = both([features["face"], features["eyes"]])
    return maps, features


def _head(name: str, outputs: int = len(EMOTIONS)) -> keras.layers.Dense:
    return keras.layers.Dense(outputs, name=name, dtype="float32")


def assign(network: keras.Model, tensors: Tensors, labels: Labels = "ferplus") -> None:
    """Load the weights, with one set of heads, into a network that code has built.

    Raises:
        WeightsAltered: The weights do not fit the network.
    """
    values = unpack(tensors)
    heads = [network.get_layer(f"head_{view}") for view in VIEWS]
    for layer in [*network.get_layer("backbone").layers, *heads]:
        name = layer.name.replace("head_", f"head_{labels}_", 1)
        for variable in layer.weights:
            key = f"{name}/{variable.path.rsplit('/', 1)[-1]}"
            if key not in values:
                raise WeightsAltered(f"the weight file lacks {key}")
            if values[key].shape != tuple(variable.shape):
                raise WeightsAltered(f"{key} is {values[key].shape}, not {tuple(variable.shape)}")
            variable.assign(values[key].astype("float32"))
