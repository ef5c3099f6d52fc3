import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recommender.catalogue.grid import sort_by_cell

shares = st.floats(0, 1, width=32)
squares = arrays(np.float32, st.tuples(st.integers(1, 400), st.just(2)), elements=shares)


@given(squares)
def test_sorting_permutes_the_rows(square: np.ndarray) -> None:
    order, grid = sort_by_cell(square)
    assert sorted(order.tolist()) == list(range(len(square)))
    assert (grid.starts[0], grid.starts[-1]) == (0, len(square))
    assert (np.diff(grid.starts) >= 0).all()
    assert len(grid.starts) == grid.side**2 + 1


@given(
    squares,
    st.lists(st.tuples(shares, shares), min_size=1, max_size=4),
    st.tuples(st.floats(0, 1.5), st.floats(0, 1.5)),
)
def test_no_row_within_reach_is_missed(
    square: np.ndarray, points: list[tuple[float, float]], reach: tuple[float, float]
) -> None:
    order, grid = sort_by_cell(square)
    sorted_square = square[order].astype(np.float64)
    boxes = grid.boxes(np.array(points), np.array(reach))
    rows = grid.rows(boxes)
    assert (np.diff(rows) > 0).all()
    inside = [set(rows[grid.inside(rows, box)].tolist()) for box in boxes]
    assert set().union(*inside) == set(rows.tolist())
    for point, here in zip(points, inside, strict=True):
        is_near = (np.abs(sorted_square - point) <= reach).all(axis=1)
        assert set(np.flatnonzero(is_near).tolist()) <= here


def test_a_small_box_holds_few_rows() -> None:
    square = np.random.default_rng(0).random((20_000, 2), dtype=np.float32)
    _, grid = sort_by_cell(square)
    rows = grid.rows(grid.boxes(np.array([[0.5, 0.5], [0.52, 0.5]]), np.array([0.02, 0.02])))
    assert 0.9 * 0.06 * 0.04 < len(rows) / 20_000 < 4 * 0.06 * 0.04
