"""`mirrortape evaluate`: its JSON, its report, and its answer to bad input."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner, Result

from bot.cli import evaluate as commands_evaluate
from bot.texts import VISION_ERRORS
from tests.support.evaluation_data import Brightness
from tests.support.toy_training import write_data
from vision.data.datasets import Dataset
from vision.data.rows import Row
from vision.errors import WeightsMissing
from vision.evaluation.corruptions import CORRUPTIONS
from vision.evaluation.coverage import THRESHOLDS
from vision.face.crops import ROW_EYES
from vision.reading import EMOTIONS

app = typer.Typer()
app.command()(commands_evaluate.evaluate)

SCORES = {"n", "accuracy", "macro_f1", "weighted_f1", "ece", "per_class", "confusion"}
SIGNATURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands_evaluate, "_load_network", lambda weights: Brightness())
    monkeypatch.setattr("vision.evaluation.metrics.RESAMPLES", 200)  # which takes most of the time


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two emotions of 48-pixel pictures, one of them broken, and a folder that is no emotion."""
    data = tmp_path / "photos"
    rng = np.random.default_rng(1)
    for name in ("happy/a.png", "happy/b.JPG", "sad/c.tiff", "contempt/d.png"):
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (48, 48), dtype=np.uint8)).save(path)
    (data / "sad" / "broken.png").write_bytes(SIGNATURE + b"no more")
    return data


def rows_as_they_are(dataset: Dataset, on_pictures: Callable[[int], None]) -> list[Row]:
    """Stand in for the search of eyes, which takes long on many rows without any."""
    return [Row(pixels, ROW_EYES, is_found=False) for pixels in dataset.pictures]


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_json_is_one_object_with_what_the_contract_names(tmp_path: Path) -> None:
    data = write_data(tmp_path / "toy.npz", count=3, check=11)
    result = run(data, "--split", "PublicTest", "--flip", "--json")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1
    told = json.loads(result.stdout)
    assert (told["rows"], told["skipped"], told["flip"]) == (11, 0, True)
    assert set(told["views"]) == {"eyes", "face", "fused"}
    for by_truth in told["views"].values():
        assert set(by_truth) == {"labels", "ferplus"}
        for scores in by_truth.values():
            assert set(scores) >= SCORES
            assert scores["n"] == 11
            assert list(scores["per_class"]) == list(EMOTIONS)
            assert set(scores["per_class"]["fear"]) == {"n", "precision", "recall", "f1"}
            assert np.array(scores["confusion"]).sum() == 11
            low, high = scores["accuracy_interval"]
            assert low <= scores["accuracy"] <= high
    assert set(told["differences"]["ferplus"]) == {"fused-face", "fused-eyes", "face-eyes"}
    assert told["without_duplicates"] is told["groups"] is told["robustness"] is None
    for truth in ("labels", "ferplus"):
        points = told["coverage"][truth]
        assert [point["threshold"] for point in points] == list(THRESHOLDS)
        assert set(points[0]) == {"threshold", "coverage", "accuracy"}
        assert set(told["ask_below"][truth]) == {"threshold", "interval"}
    assert json.loads(run(data, "--json").stdout)["rows"] == 14


def test_a_folder_is_measured_and_what_is_left_out_is_named(folder: Path) -> None:
    result = run(folder, "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["rows"], told["skipped"]) == (3, 1)
    assert told["views"]["fused"]["labels"]["n"] == 3
    assert told["views"]["fused"]["labels"]["accuracy_interval"] is None
    assert told["views"]["fused"]["ferplus"] is None
    for line in ("sad/broken.png was skipped", "contempt (pictures: 1)", "too few for intervals"):
        assert line in result.stderr
    assert "no rows show angry, disgust, fear, surprise, neutral" in result.stderr


def test_groups_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.data.rows.find_rows", rows_as_they_are)
    data = write_data(tmp_path / "toy.npz", count=0, check=50)
    lines = [f"{row},{'old' if row % 2 else 'young'}" for row in range(44)]
    csv = tmp_path / "groups.csv"
    csv.write_text("\n".join(["file,group", *lines, "99,old"]))
    result = run(data, "--groups", csv, "--json")
    groups = json.loads(result.stdout)["groups"]["labels"]
    assert groups["groups"]["old"]["n"] == groups["groups"]["young"]["n"] == 22
    assert groups["ungrouped"] == 6
    accuracy = [own["accuracy"] for own in groups["groups"].values()]
    assert groups["worst_gap"]["accuracy"] == pytest.approx(max(accuracy) - min(accuracy))
    assert "lines that name no picture: 99" in result.stderr
    assert "6 rows belong to no group" in result.stderr


def test_robustness_is_measured_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vision.data.rows.find_rows", rows_as_they_are)
    monkeypatch.setattr("vision.evaluation.robustness.find_rows", rows_as_they_are)
    data, report = write_data(tmp_path / "toy.npz", count=0, check=30), tmp_path / "report"
    words = (data, "--robustness", "--rows", 12)
    found = json.loads(run(*words, "--json").stdout)["robustness"]
    assert (found["truth"], found["rows"]) == ("ferplus", 12)
    assert set(found["medium"]) == {"loss", "loss_interval"}
    assert [(c["kind"], c["strength"]) for c in found["changed"]] == [
        (c.kind, c.strength) for c in CORRUPTIONS
    ]
    shares = {"accuracy", "heads", "confidence", "ece", "refused", "eyes_found", "covered"}
    shares |= {"answered_by"}
    assert set(found["clean"]) == shares
    for changed in found["changed"]:
        assert set(changed) == shares | {"kind", "strength", "level", "loss", "loss_interval"}
        lost = found["clean"]["accuracy"] - changed["accuracy"]
        assert changed["loss"] == pytest.approx(lost)
    result = run(*words, "--report", report)
    assert result.exit_code == 0
    page = (report / "report.html").read_text(encoding="utf-8")
    for corruption in CORRUPTIONS:
        assert corruption.name in result.stdout
        assert f"<td>{corruption.name}</td>" in page
    for told in ("Changes of medium strength cost", "sunglasses"):
        assert told in result.stdout
        assert told in page
    with Image.open(report / "robustness.png") as picture:
        assert min(picture.size) > 100


def test_the_report_shows_every_plot_and_needs_nothing_else(tmp_path: Path) -> None:
    data, report = write_data(tmp_path / "<toy>.npz", count=0, check=10), tmp_path / "new" / "here"
    result = run(data, "--report", report)
    assert result.exit_code == 0
    assert "FER+ majority" in result.stdout
    assert str(report / "report.html") in result.stdout.replace("\n", "")
    page = (report / "report.html").read_text(encoding="utf-8")
    pictures = set(re.findall(r'<img src="([^"]+)"', page))
    assert pictures == {path.name for path in report.glob("*.png")}
    assert {
        "views.png",
        "confusion_labels.png",
        "reliability_ferplus.png",
        "coverage.png",
    } <= pictures
    for name in pictures:
        with Image.open(report / name) as picture:
            assert min(picture.size) > 100
    assert "http" not in page
    assert "&lt;toy&gt;.npz" in page


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("nowhere.npz", "there is no file or folder nowhere.npz"),
        ("groups.csv", "neither an .npz nor a folder"),
        ("empty", "no pictures"),
        ("toy.npz --split PrivateTest", "no split PrivateTest; it has Training, PublicTest"),
        ("toy.npz --groups none.csv", "there is no file none.csv"),
        ("toy.npz --rows 20", "add --robustness"),
        ("toy.npz --robustness --rows 9", "robustness needs 10 rows or more"),
        ("toy.npz --report groups.csv", "cannot be a folder for the report"),
        ("broken", "none of the 1 pictures in broken can be opened: happy/a.png"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    words: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_data(Path("toy.npz"), count=2, check=2)
    Path("groups.csv").write_text("file,group\n")
    Path("empty").mkdir()
    Path("broken/happy").mkdir(parents=True)
    Path("broken/happy/a.png").write_bytes(SIGNATURE)
    result = run(*words.split())
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert told in result.stderr
    assert result.stdout == ""


def test_missing_weights_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    data = write_data(tmp_path / "toy.npz", count=0, check=2)
    result = run(data, "--weights", tmp_path / "none.safetensors")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [f"mirrortape: {VISION_ERRORS[WeightsMissing]}"]
