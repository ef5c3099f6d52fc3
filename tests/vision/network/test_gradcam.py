"""Heat maps: finite, in range, and where they belong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vision.face.crops import apply, similarity
from vision.network.gradcam import ViewHeat, cam, density, render

VIEW = similarity(((100.0, 100.0), (196.0, 100.0)), ((0.0, 0.0), (96.0, 0.0)))  # a shift
SAME = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
values = st.floats(-1e3, 1e3, width=32)


@given(arrays(np.float32, (6, 6, 4), elements=values), arrays(np.float32, 4, elements=values))
def test_heat_is_finite_and_between_zero_and_one(
    feature_map: np.ndarray, weights: np.ndarray
) -> None:
    cells = cam(feature_map, weights)
    assert (cells >= 0).all()
    heat = render([ViewHeat(cells, VIEW, (96, 96))], SAME, (64, 48))
    assert heat.shape == (48, 64)
    assert np.isfinite(heat).all()
    assert heat.min() >= 0
    assert heat.max() <= 1


def test_nothing_that_speaks_for_the_emotion_means_no_heat() -> None:
    cells = cam(np.ones((6, 6, 3)), np.array([-1.0, 0.0, -2.0]))
    assert not render([ViewHeat(cells, VIEW, (96, 96))], SAME, (300, 300)).any()
    assert not render([], SAME, (300, 300)).any()


@pytest.mark.parametrize("cell", [(0, 0), (1, 4), (5, 5)])
def test_the_heat_of_a_cell_lies_where_the_cell_looked(cell: tuple[int, int]) -> None:
    cells = np.zeros((6, 6), np.float32)
    cells[cell] = 1
    heat = render([ViewHeat(cells, VIEW, (96, 96))], SAME, (320, 320))
    y, x = np.unravel_index(int(heat.argmax()), heat.shape)
    row, column = cell
    assert (x, y) == pytest.approx((100 + 16 * column, 100 + 16 * row), abs=2)
    assert heat.max() == pytest.approx(1, abs=1e-6)


def test_the_heat_follows_the_picture() -> None:
    cells = np.zeros((3, 6), np.float32)
    cells[1, 2] = 1
    smaller = np.array([[0.5, 0.0, 10.0], [0.0, 0.5, -20.0]])
    heat = render([ViewHeat(cells, VIEW, (96, 48))], smaller, (200, 100))
    y, x = np.unravel_index(int(heat.argmax()), heat.shape)
    expected = apply(smaller, np.array([[100.0 + 2 * 16, 100.0 + 16]]))[0]
    assert (x, y) == pytest.approx(tuple(expected), abs=2)


def test_both_views_add_up() -> None:
    face, eyes = np.zeros((6, 6), np.float32), np.zeros((3, 6), np.float32)
    face[5, 3], eyes[0, 0] = 1.0, 3.0
    heat = render(
        [ViewHeat(face, VIEW, (96, 96)), ViewHeat(eyes, VIEW, (96, 48))], SAME, (256, 256)
    )
    assert heat[96:104, 96:104].max() == pytest.approx(1)
    assert heat[176:184, 144:152].max() == pytest.approx(1 / 3, abs=0.04)


@pytest.mark.parametrize("scale", [0.25, 1.0, 3.0])
def test_density_adds_up_to_the_logits(scale: float) -> None:
    rng = np.random.default_rng(1)
    face = ViewHeat(rng.random((6, 6)).astype(np.float32), VIEW, (96, 96))
    eyes = ViewHeat(rng.random((3, 6)).astype(np.float32), VIEW, (96, 48))
    to_picture = scale * SAME
    drawn = density([face, eyes], to_picture, (round(scale * 300), round(scale * 300)))
    assert drawn.sum() == pytest.approx(face.logits + eyes.logits, rel=0.02)
