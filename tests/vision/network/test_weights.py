"""The weight file: rounding, packing, and what a missing or altered file says."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vision.errors import WeightsAltered, WeightsMissing
from vision.network import weights
from vision.network.serving import Network

kernels = arrays(
    np.float32, (2, 2, 3, 5), elements=st.floats(-8, 8, width=32, allow_subnormal=False)
)


@given(kernels)
def test_rounding_is_off_by_at_most_half_a_step(kernel: np.ndarray) -> None:
    whole, scale = weights.quantise(kernel)
    assert whole.dtype == np.int8
    assert scale.shape == (5,)
    assert (np.abs(weights.dequantise(whole, scale) - kernel) <= 0.5001 * scale + 1e-30).all()


def trained() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {
        "conv1_conv/kernel": rng.normal(size=(7, 7, 3, 64)).astype(np.float16),
        "conv1_bn/gamma": rng.normal(size=64).astype(np.float32),
        "head_ferplus_eyes/kernel": rng.normal(size=(8, 7)).astype(np.float16),
        "head_mixed_eyes/kernel": rng.normal(size=(8, 7)).astype(np.float16),
    }


def test_a_written_file_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    weights.write(weights.pack(trained()), path)
    tensors = weights.read(path)
    assert tensors["conv1_conv/kernel"].dtype == np.int8
    assert np.array_equal(tensors["conv1_bn/gamma"], trained()["conv1_bn/gamma"])
    assert "head_mixed_eyes/kernel" not in tensors
    assert tensors["temperature_fer_face"] == 1


def test_packing_again_gives_the_same_bytes() -> None:
    assert weights.pack(trained()) == weights.pack(trained())


def test_a_missing_file_or_pin_is_named(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with pytest.raises(WeightsMissing, match=r"w\.safetensors is missing"):
        weights.read(path)
    path.write_bytes(weights.pack(trained()))
    with pytest.raises(WeightsMissing, match=r"w\.safetensors\.sha256 is missing"):
        weights.read(path)


@pytest.mark.parametrize("place", [0, 1000, -1])
def test_one_changed_byte_is_noticed(tmp_path: Path, place: int) -> None:
    path = tmp_path / "w.safetensors"
    weights.write(weights.pack(trained()), path)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsAltered, match="SHA-256"):
        weights.read(path)


def test_whoever_loads_the_network_checks_the_file_each_time(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    weights.write(weights.pack(trained()), path)
    with pytest.raises(WeightsAltered, match="lacks"):  # the file is as pinned, but a small one
        Network.load(path)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(WeightsAltered, match="SHA-256"):
        Network.load(path)


def test_pinned_bytes_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    for content in (b"", b"\x80\x04N."):
        weights.write(content, path)
        with pytest.raises(WeightsAltered, match="no weight file"):
            weights.read(path)


def test_the_shipped_file_is_the_pinned_one_and_small() -> None:
    assert weights.WEIGHTS.stat().st_size <= 25_000_000
    tensors = weights.read()
    backbone = [name for name in tensors if name.endswith("conv/kernel")]
    assert len(backbone) == 53
    assert all(tensors[name].dtype == np.int8 for name in backbone)
    for labels in ("ferplus", "fer"):
        assert tensors[f"head_{labels}_fused/kernel"].shape == (4096, 7)
        for head in weights.SEES:
            temperature = tensors[f"temperature_{labels}_{head}"][0]
            assert 0.3 < temperature < 3
            assert temperature != 1, "the file is not calibrated"
        for head in ("masked", "shaded"):
            plain = tensors[f"head_{labels}_{weights.SEES[head]}/kernel"]
            kernel = tensors[f"head_{labels}_{head}/kernel"]
            assert kernel.shape == plain.shape
            assert not np.array_equal(kernel, plain), "covered faces were not learned"
