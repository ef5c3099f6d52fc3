"""Painting: colours land under their mask and nowhere else, and text stays on the canvas."""

import numpy as np
import pytest

from vision.picture.canvas import paint, round_corners, round_outline, rounded, text_width, write

RED = (250, 20, 10)


def blank(width: int = 200, height: int = 100) -> np.ndarray:
    return np.full((height, width, 3), 40, np.uint8)


def test_paint_mixes_as_the_mask_says() -> None:
    pixels = blank()
    paint(pixels, np.array([[0, 128, 255]], np.uint8), 50, 30, RED)
    assert pixels[30, 50] == pytest.approx(40)
    assert pixels[30, 51] == pytest.approx(np.mean([(40,) * 3, RED], axis=0), abs=2)
    assert tuple(pixels[30, 52]) == RED
    assert (np.delete(pixels.reshape(-1, 3), [30 * 200 + 51, 30 * 200 + 52], axis=0) == 40).all()


def test_round_shapes_are_whole_inside_and_open_at_the_corners() -> None:
    mask = rounded(60, 24, 12)
    assert mask.shape == (24, 60)
    assert mask[12, 0] > 200
    assert mask[0, 0] == mask[-1, -1] == mask[0, -1] == mask[-1, 0] == 0
    assert (mask[:, 12:-12] == 255).all()
    assert np.array_equal(mask, mask[::-1, ::-1])
    assert mask[:12, :12].mean() / 255 == pytest.approx(np.pi / 4, abs=0.01)


def test_corners_are_cut_to_the_background() -> None:
    pixels = blank()
    round_corners(pixels, 20, RED)
    for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        assert tuple(pixels[row, column]) == RED
    assert (pixels[20:-20] == 40).all()
    assert (pixels[:, 20:-20] == 40).all()


def test_an_outline_is_closed_and_evenly_spaced() -> None:
    points = round_outline(0.35)
    assert np.allclose(points[0], points[-1])
    assert np.abs(points).max() == pytest.approx(1, abs=1e-3)
    steps = np.hypot(*np.diff(points, axis=0).T)
    assert steps.max() < 1.1 * steps.min()


def test_text_ends_where_it_should() -> None:
    left, right = blank(), blank()
    write(left, "37 %", (20, 70), 40, RED)
    write(right, "37 %", (180, 70), 40, RED, "right")
    columns = [np.flatnonzero((pixels != 40).any(axis=(0, 2))) for pixels in (left, right)]
    assert 20 <= columns[0].min() <= 25
    assert 174 <= columns[1].max() < 180
    assert np.ptp(columns[0]) <= text_width("37 %", 40)
    rows = np.flatnonzero((left != 40).any(axis=(1, 2)))
    assert rows.max() == pytest.approx(70, abs=2)  # the baseline


def test_text_too_long_is_cut_off() -> None:
    for side in ("left", "right"):
        pixels = blank(60)
        write(pixels, "Much too long for this", (30, 70), 40, RED, side)
        assert (pixels != 40).any()
