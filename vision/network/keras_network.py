"""Build the two-view network in Keras: one ResNet50 for the face and the eye strip.

Both views share the convolutions. Each has a linear head on its pooled features, and a third head
(*fused*) uses the features of both. The last stage has stride 1, which doubles the last feature
map, the source of the heat map, to 6×6 for the face and 3×6 for the eyes.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2015.
"""

from typing import Any, Final

import keras

from vision.errors import WeightsAltered
from vision.face.crops import EYES_SIZE, FACE_SIZE
from vision.network.weights import CHANNEL_MEANS, TRAINED_HEADS, VIEWS, Labels, Tensors, unpack
from vision.reading import EMOTIONS

# These two layers of conv5 halve the map, unless their stride is 1.
_STRIDED: Final = ("conv5_block1_0_conv", "conv5_block1_1_conv")


def build_backbone() -> keras.Model:
    """Build `keras.applications.ResNet50` without its top and with conv5 at stride 1.

    The layers keep their names. The weights are random.
    """
    plain = keras.applications.ResNet50(
        weights=None, include_top=False, input_shape=(None, None, 3), name="backbone"
    )
    config = plain.get_config()
    for layer in config["layers"]:
        if layer["name"] in _STRIDED:
            layer["config"]["strides"] = (1, 1)
    return keras.Model.from_config(config)


class _ProductConv2D(keras.layers.Conv2D):  # type: ignore[misc]
    """A convolution of size 1 or 3 computed as a matrix product, with the same result.

    Without AVX-512, TensorFlow's gradient of a convolution on small maps reaches only a tenth of
    the CPU's rate, and a step of the whole network takes about 3 times as long.
    """

    def call(self, x: Any) -> Any:
        stride = self.strides[0]
        if self.kernel_size == (1, 1):
            patches = x[:, ::stride, ::stride] if stride > 1 else x
        elif self.kernel_size == (3, 3) and stride == 1 and self.padding == "same":
            height, width = keras.ops.shape(x)[1:3]
            padded = keras.ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
            shifted = [
                padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)
            ]
            patches = keras.ops.concatenate(shifted, axis=-1)  # (B, H, W, 9 C)
        else:
            return super().call(x)
        kernel = keras.ops.reshape(self.kernel, (-1, self.filters))
        return keras.ops.matmul(patches, kernel) + self.bias


def with_matrix_products(backbone: keras.Model) -> keras.Model:
    """Return a new backbone like this one whose convolutions are matrix products.

    It trains faster on a CPU; on a GPU, use plain convolutions.
    """
    config = backbone.get_config()
    for layer in config["layers"]:
        if layer["class_name"] == "Conv2D":
            layer.update(class_name="_ProductConv2D", registered_name="_ProductConv2D")
            layer["module"] = None
    return keras.Model.from_config(config, custom_objects={"_ProductConv2D": _ProductConv2D})


def build_network(backbone: keras.Model | None = None) -> keras.Model:
    """Build the inference network around a backbone, by default a new one.

    The inputs are grey, 0..255, float32: `face` (B, 96, 96, 1) and `eyes` (B, 48, 96, 1). The
    outputs are the logits of the heads `eyes`, `face` and `fused`, each (B, 7) in the order of
    `EMOTIONS`, and the last feature maps `face_map` (B, 6, 6, C) and `eyes_map` (B, 3, 6, C).
    """
    backbone = build_backbone() if backbone is None else backbone
    width, height = EYES_SIZE
    inputs = _inputs((FACE_SIZE, FACE_SIZE), (height, width))
    maps, features = _view_features(backbone, inputs)
    heads: dict[str, Any] = {view: _head(f"head_{view}")(features[view]) for view in VIEWS}
    outputs = {**heads, "face_map": maps["face"], "eyes_map": maps["eyes"]}
    return keras.Model(inputs, outputs, name="mirrortape")


def build_training_model(
    backbone: keras.Model, *, batch_statistics: bool, dropout: float = 0.0
) -> keras.Model:
    """Build the training network: views of any size, and one head for each view.

    The outputs are the logits of each of `TRAINED_HEADS`, float32 (B, 7), even if the rest
    computes in another precision.

    Args:
        backbone: The convolutions, shared by both views.
        batch_statistics: Whether batch norms use the mean and variance of each batch. Those
            differ between face and eye strip, but a served network has one set for both. If
            false, training uses the running statistics, exactly as serving does.
        dropout: Dropout rate of the pooled features, for each head.
    """
    inputs = _inputs((None, None), (None, None))
    _, features = _view_features(
        backbone if batch_statistics else _InferenceBackbone(backbone), inputs
    )
    outputs = {}
    for head in TRAINED_HEADS:
        pooled = features[head.rsplit("_", 1)[1]]
        if dropout:
            pooled = keras.layers.Dropout(dropout, dtype="float32")(pooled)
        outputs[head] = _head(head)(pooled)
    return keras.Model(inputs, outputs, name="trainee")


def _inputs(face: tuple[Any, Any], eyes: tuple[Any, Any]) -> dict[str, Any]:
    return {
        "face": keras.Input((*face, 1), name="face"),
        "eyes": keras.Input((*eyes, 1), name="eyes"),
    }


class _InferenceBackbone(keras.layers.Layer):  # type: ignore[misc]
    """A trainable backbone whose batch norms always run in inference mode.

    It must be a layer: a training model overrides `training=False` in its functional graph.
    """

    def __init__(self, backbone: keras.Model) -> None:
        super().__init__(name=backbone.name)
        self.backbone = backbone

    @property
    def layers(self) -> list[keras.layers.Layer]:
        return list(self.backbone.layers)

    def call(self, view: Any) -> Any:
        return self.backbone(view, training=False)


def _view_features(
    backbone: keras.Model | _InferenceBackbone, inputs: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the last feature map of both views, and the pooled features for each head."""
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


def _head(name: str) -> keras.layers.Dense:
    return keras.layers.Dense(len(EMOTIONS), name=name, dtype="float32")


def assign(network: keras.Model, tensors: Tensors, labels: Labels = "ferplus") -> None:
    """Load weights, with one set of heads, into a network from `build_network`.

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
