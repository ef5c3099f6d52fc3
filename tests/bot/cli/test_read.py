"""`mirrortape read`: what goes to stdout and stderr, and what is written."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import read as commands_vision
from bot.cli.main import app
from bot.cli.read import Pictures
from bot.texts import VISION_ERRORS
from tests.support.photos.photo_files import two_faces_and_a_wall
from vision.errors import NoFaceFound, WeightsMissing
from vision.photo.formats import MAX_BYTES
from vision.reading import EMOTIONS, Reading


class FakeReader:
    """Reads any file that begins with "face"."""

    def read(self, photo: bytes) -> Reading:
        if not photo.startswith(b"face"):
            raise NoFaceFound("none")
        values = dict.fromkeys(EMOTIONS, 0.05) | {"sad": 0.7}
        return Reading(
            probabilities=values,
            eyes=values,
            face=values,
            answered_by="fused",
            eyes_found="estimated",
            faces=2,
            face_box=(1, 2, 30, 30),
            eye_centers=((9.0, 12.0), (21.0, 12.0)),
            step_ms={"decode": 1.0, "network": 3.0},
        )

    def explain(self, photo: bytes) -> tuple[Reading, bytes]:
        return self.read(photo), b"picture of " + photo


@pytest.fixture(autouse=True)
def fake_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands_vision, "_load_reader", FakeReader)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return two_faces_and_a_wall(tmp_path / "photos")


def test_json_is_one_line_per_photo_and_nothing_else(photos: Path) -> None:
    (photos / "empty").mkdir()
    names = [str(photos / name) for name in ("a/me.png", "wall.jpg", "none.jpg", "empty")]
    result = CliRunner().invoke(app, ["read", *names, "--json"])
    assert result.exit_code == 2
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["photo"] for line in lines] == names
    assert lines[0]["emotion"] == "sad"
    assert lines[0]["confidence"] == 0.7
    assert set(lines[0]) >= {
        "photo",
        "emotion",
        "confidence",
        "probabilities",
        "views",
        "eyes_found",
        "faces",
        "face_box",
        "eye_centers",
        "ms",
    }
    assert list(lines[0]["probabilities"]) == list(EMOTIONS)
    assert set(lines[0]["views"]) == {"eyes", "face"}
    assert [line.get("error") for line in lines] == [
        None,
        "NoFaceFound",
        "PhotoMissing",
        "PhotoMissing",
    ]
    assert lines[1]["message"] == VISION_ERRORS[NoFaceFound]
    assert "no such file" in lines[2]["message"]
    assert "no photo in this folder" in lines[3]["message"]
    assert set(lines[1]) == {"photo", "error", "message"}


def test_all_readable_is_exit_code_zero(photos: Path) -> None:
    result = CliRunner().invoke(app, ["read", str(photos / "a/me.png")])
    assert result.exit_code == 0
    assert "sad 70 %" in result.stdout
    assert "eyes estimated" in result.stdout


def test_without_json_errors_go_to_stderr(photos: Path) -> None:
    result = CliRunner().invoke(app, ["read", str(photos / "wall.jpg")])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert VISION_ERRORS[NoFaceFound] in result.stderr


JPEG = b"\xff\xd8\xff"


class OnlyJpegs(FakeReader):
    """Finds a face in whatever begins like a JPEG."""

    def read(self, photo: bytes) -> Reading:
        return super().read(b"face" if photo.startswith(JPEG) else b"wall")


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three photos, one of them in a folder, and four files that are none."""
    monkeypatch.setattr(commands_vision, "_load_reader", OnlyJpegs)
    folder = tmp_path / "album"
    for name in ("b.jpg", "a.jpeg", "more/c.JPG", ".thumbs/hidden.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(JPEG)
    for name, content in (("notes.txt", b"me"), ("list.csv", b"a,b"), ("x.jpg", b""), ("y", b"?")):
        (folder / name).write_bytes(content)
    return folder


def test_of_a_folder_all_photos_are_read_by_name(album: Path) -> None:
    result = CliRunner().invoke(app, ["read", str(album), "--json"])
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["photo"] for line in lines] == [
        str(album / name) for name in ("a.jpeg", "b.jpg", "more/c.JPG")
    ]
    assert all(line["emotion"] == "sad" for line in lines)
    assert result.stderr == f"{album}: 4 files that are no photos skipped.\n"


def test_pictures_inside_the_folder_are_not_read_the_next_time(album: Path) -> None:
    words = ["read", str(album), "--explain", str(album / "pictures")]
    first, second = (CliRunner().invoke(app, words) for _ in range(2))
    assert first.exit_code == second.exit_code == 0
    assert first.stdout == second.stdout
    assert len(first.stdout.splitlines()) == 3


@pytest.mark.parametrize("names", [(), ("notes.txt",)])
def test_a_folder_without_photos_says_so(tmp_path: Path, names: tuple[str, ...]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("me")
    result = CliRunner().invoke(app, ["read", str(folder)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"{folder}: There is no photo in this folder."


def test_pictures_of_one_name_do_not_overwrite_each_other(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "pictures"
    names = [str(photos / name) for name in ("a/me.png", "b/me.jpg", "wall.jpg")]
    result = CliRunner().invoke(app, ["read", *names, "--explain", str(out)])
    assert result.exit_code == 2
    written = {path.name: path.read_bytes() for path in out.iterdir()}
    assert written == {"me.jpg": b"picture of face a", "me-2.jpg": b"picture of face b"}


def test_no_picture_overwrites_a_photo(photos: Path) -> None:
    photo = photos / "b" / "me.jpg"
    path = Pictures(photos / "b", [photo]).write(photo, b"picture")
    assert path.name == "me-2.jpg"
    assert photo.read_bytes() == b"face b"


def test_a_folder_that_cannot_be_made_is_one_line(photos: Path) -> None:
    names = [str(photos / "a/me.png"), "--explain", str(photos / "wall.jpg")]
    result = CliRunner().invoke(app, ["read", *names])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.output


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(3 * MAX_BYTES)
    assert len(commands_vision.read_file(path)) == MAX_BYTES + 1


def test_missing_weights_are_one_line(monkeypatch: pytest.MonkeyPatch, photos: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("vision.network.weights.read", _missing)
    result = CliRunner().invoke(app, ["read", str(photos / "a/me.png")])
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [f"mirrortape: {VISION_ERRORS[WeightsMissing]}"]


def _missing(path: Path) -> None:
    raise WeightsMissing(str(path))
