"""`mirrortape benchmark`: what it measures, in whom, and what it says where it cannot."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bot.cli.main import app
from bot.sandbox.page.samples import portrait_jpeg
from bot.texts import VISION_ERRORS
from bot.worker import process as worker
from bot.worker.process import WorkerFailed
from tests.support.photos.photo_files import two_faces_and_a_wall
from tests.support.telegram.chatting import FakeWorker, a_reading
from vision import Explanation, NoFaceFound, SeveralFaces, WeightsMissing


class Reader(FakeWorker):
    """Reads any file that begins with "face"."""

    pid = None

    async def start(self) -> None:
        pass

    def close(self) -> None:
        pass

    async def explain(
        self, photos: Sequence[bytes], face: int | None = None
    ) -> Explanation | SeveralFaces:
        if not photos[0].startswith(b"face"):
            raise NoFaceFound("none")
        self.outcome = a_reading(step_ms={"decode": 1.0, "network": 3.0})
        return await super().explain(photos, face)


def failing_with(error: Exception) -> Callable[[], Reader]:
    class Failing(Reader):
        async def start(self) -> None:
            raise error

    return Failing


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return two_faces_and_a_wall(tmp_path / "photos")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["benchmark", *map(str, words)])


def test_the_photos_that_can_be_read_are_timed(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "VisionWorker", Reader)
    result = run(photos, "--count", 5, "--json")
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert (summary["photos"], summary["photos_without_reading"]) == (5, 1)
    assert (summary["p50_ms"], summary["p95_ms"]) == (4.0, 4.0)
    assert summary["steps"]["network"] == {"p50_ms": 3.0, "p95_ms": 3.0, "share": 0.75}
    floor = summary["floor"]
    assert floor["ms"] == pytest.approx(1000 * floor["multiplications"] / floor["per_second"])
    table = run(photos)
    assert "network" in table.stdout
    assert "75 %" in table.stdout
    assert "Floor: the network's 1.67 G multiplications" in table.stdout
    assert "memory: idle unknown" in table.stdout


def test_time_and_memory_are_those_of_a_worker(tmp_path: Path) -> None:
    (tmp_path / "me.jpg").write_bytes(portrait_jpeg())
    summary = json.loads(run(tmp_path, "--count", 3, "--json").stdout)
    assert summary["photos"] == 3
    assert summary["steps"].keys() >= {"decode", "find face", "network", "picture"}
    assert 0 < summary["ready_s"] < 60
    memory = summary["memory_mb"]
    if memory["idle"] is not None:  # only Linux tells
        assert 100 < memory["idle"] < memory["after"] <= memory["peak"] < 1000


@pytest.mark.parametrize("folder", ["missing", "a"])
def test_a_folder_without_photos_is_one_line(
    photos: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "VisionWorker", Reader)
    (photos / "a" / "me.png").unlink()
    result = run(photos / folder)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (WeightsMissing("gone"), VISION_ERRORS[WeightsMissing]),
        (WorkerFailed("it died"), "it died"),
    ],
    ids=["weights", "worker"],
)
def test_a_worker_that_does_not_start_is_one_line(
    photos: Path, error: Exception, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "VisionWorker", failing_with(error))
    result = run(photos)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [f"mirrortape: {words}"]
