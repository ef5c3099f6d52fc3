"""What hides a face: drawn, recognised, and who answers then."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data

from vision.face.crops import ROW_EYES, align, cut_views
from vision.network.answering import COVERED_FROM, answering_head, covered_part
from vision.network.coverings import COVERINGS, covered
from vision.network.serving import Network
from vision.reading import Covering, Head
from vision.training.batches import load_labelled_rows
from vision.training.fit_heads import LinearHead, adapt_head, fit_covering

PORTRAIT_EYES = ((204.0, 101.0), (247.0, 103.0))


def portrait() -> np.ndarray:
    gray = skimage.data.astronaut().mean(axis=2).astype(np.uint8)
    return align(gray, PORTRAIT_EYES)[0]


@pytest.mark.parametrize("covering", COVERINGS)
def test_a_covering_changes_its_own_part_alone(covering: Covering) -> None:
    row = portrait()
    for seed in range(20):
        drawn = covered(row, ROW_EYES, covering, np.random.default_rng(seed))
        changed = np.abs(drawn.astype(int) - row) > 4
        assert drawn.shape == row.shape
        assert not changed[:8].any()
        assert changed[36, 24] == (covering == "mouth")
        assert changed[18, 14:16].any() == changed[18, 32:34].any() == (covering == "eyes")


def test_the_shipped_network_tells_what_is_covered() -> None:
    network, row = Network.load(), portrait()
    for covering in COVERINGS:
        rng = np.random.default_rng(3)
        views = [cut_views(covered(row, ROW_EYES, covering, rng)) for _ in range(12)]
        outputs = network.run(np.stack([v.face for v in views]), np.stack([v.eyes for v in views]))
        probabilities = network.covering(outputs)
        told = [covered_part({k: p[i] for k, p in probabilities.items()}) for i in range(12)]
        assert told.count(covering) >= 9, (covering, told)


@pytest.mark.data
def test_a_covering_is_seldom_seen_where_there_is_none(data_dir: Path) -> None:
    labelled = load_labelled_rows(data_dir / "fer2013_trainval.npz", "PublicTest", limit=80)
    views = [cut_views(row) for row in labelled.images]
    network = Network.load()
    outputs = network.run(
        np.stack([v.face for v in views]), np.stack([v.eyes for v in views]), ("covering",)
    )
    probabilities = network.covering(outputs)
    told = [covered_part({k: p[i] for k, p in probabilities.items()}) for i in range(80)]
    assert told.count("none") >= 0.95 * 80


def test_what_is_not_sure_is_not_covered() -> None:
    assert covered_part({"none": 0.3, "mouth": 0.7, "eyes": 0.0}) == "none"
    assert covered_part({"none": 0.0, "mouth": COVERED_FROM, "eyes": 0.2}) == "mouth"


@pytest.mark.parametrize(
    ("covered", "is_found", "head"),
    [
        ("none", True, "fused"),
        ("none", False, "face"),
        ("mouth", True, "masked"),
        ("mouth", False, "masked"),
        ("eyes", True, "shaded"),
        ("eyes", False, "shaded"),
    ],
)
def test_the_head_that_can_be_trusted_answers(
    covered: Covering, is_found: bool, head: Head
) -> None:
    assert answering_head(covered, is_found=is_found) == head


def test_a_fitted_head_works_on_features_as_they_are() -> None:
    rng = np.random.default_rng(2)
    kinds = rng.integers(0, 3, 600)
    pooled = (rng.normal(3, 2, (600, 12)) + 4 * np.eye(3, 12)[kinds]).astype(np.float32)
    head = fit_covering(pooled[:500], kinds[:500])
    assert (head(pooled[500:]).argmax(axis=1) == kinds[500:]).mean() > 0.8


def test_a_head_learns_what_covering_changes_and_keeps_what_it_does_not() -> None:
    rng = np.random.default_rng(3)
    emotions = rng.integers(0, 7, 3000)
    plain = LinearHead(3 * np.eye(9, 7, dtype=np.float32), np.zeros(7, np.float32))
    pooled = rng.normal(2, 0.5, (3000, 9)).astype(np.float32)
    pooled[np.arange(3000), emotions] += 1.5
    pooled[:, 0] = 2.0  # what told the first emotion is hidden, and the last feature tells it
    pooled[:, 8] += 1.5 * (emotions == 0)
    shares = np.eye(7, dtype=np.float32)[emotions]
    shares[:100] = 0  # nobody knows
    shown = slice(0, 2500)
    better = adapt_head(plain, pooled[shown], shares[shown], np.ones(2500, np.float32))
    before, after = (each(pooled[2500:]).argmax(axis=1) for each in (plain, better))
    truth = emotions[2500:]
    assert (after == truth).mean() > (before == truth).mean() + 0.05
    assert (after == truth)[truth == 0].mean() > 0.5
    none = adapt_head(plain, pooled[:100], shares[:100], np.ones(100, np.float32))
    assert np.allclose(none(pooled), plain(pooled), atol=1e-3)
