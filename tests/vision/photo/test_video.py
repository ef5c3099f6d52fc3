import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.photos.filming import blank, film
from vision.errors import DamagedVideo, NotAVideo, VideoTooLarge, VideoTooLong
from vision.photo.formats import MAX_BYTES
from vision.photo.video import MAX_FRAMES, sample_frames


def grey(level: int, size: tuple[int, int] = (64, 64)) -> np.ndarray:
    return np.full((*size[::-1], 3), level, np.uint8)


def levels(video: bytes) -> list[float]:
    """Return how bright each moment is."""
    return [float(photo.pixels.mean()) for photo in sample_frames(video)]


@pytest.mark.parametrize("kind", [("mp4", "mp4v"), ("mov", "mp4v"), ("webm", "VP80")])
def test_moments_are_spread_over_the_whole_video(tmp_path: Path, kind: tuple[str, str]) -> None:
    frames = [grey(20 + 2 * index) for index in range(100)]  # ten seconds, ever brighter
    seen = levels(film(tmp_path, frames, fps=10, kind=kind))
    assert MAX_FRAMES / 2 <= len(seen) <= MAX_FRAMES
    assert seen == sorted(seen)
    assert seen[0] < 30
    assert seen[-1] > 170
    assert np.diff(seen).max() < 3 * np.diff(seen).min()


def test_a_single_frame_is_a_video_too(tmp_path: Path) -> None:
    (photo,) = sample_frames(film(tmp_path, [grey(90, (96, 64))]))
    assert (photo.width, photo.height) == (96, 64)
    assert photo.pixels.shape == (64, 96, 3)


def test_colours_are_those_of_the_video(tmp_path: Path) -> None:
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 200
    photo = sample_frames(film(tmp_path, [red] * 3))[0]
    assert photo.pixels[..., 0].mean() > 150 > 50 > photo.pixels[..., 2].mean()


def test_large_frames_are_reduced_to_the_working_size(tmp_path: Path) -> None:
    (photo,) = sample_frames(film(tmp_path, [grey(90, (1920, 1080))]))
    assert photo.pixels.shape == (720, 1280, 3)
    assert photo.scale == 1.5


def test_a_minute_is_looked_at_and_no_more(tmp_path: Path) -> None:
    assert len(sample_frames(film(tmp_path, [blank(32)] * 120, fps=2))) >= MAX_FRAMES / 2
    with pytest.raises(VideoTooLong):
        sample_frames(film(tmp_path, [blank(32)] * 126, fps=2))


def test_frames_beyond_what_phones_film_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoTooLarge):
        sample_frames(film(tmp_path, [grey(90, (4096, 2304))]))


def test_more_frames_than_can_be_decoded_in_time_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vision.photo.video._MOST_WORK", 20 * 64 * 64)
    assert sample_frames(film(tmp_path, [grey(90)] * 20))
    with pytest.raises(VideoTooLarge):
        sample_frames(film(tmp_path, [grey(90)] * 21))


def test_a_phone_held_upright_films_upright(tmp_path: Path) -> None:
    """Phones store frames as the sensor has them, and in the track's matrix how to turn them."""
    frame = grey(40, (96, 64))
    frame[:, :48] = 200  # bright on the left; a quarter turn to the right puts that above
    video = bytearray(film(tmp_path, [frame] * 5))
    matrix = video.index(b"tkhd") + 44
    quarter_turn = (0, 1, 0, -1, 0, 0, 64, 0)
    video[matrix : matrix + 32] = struct.pack(">8i", *(side << 16 for side in quarter_turn))
    photo = sample_frames(bytes(video))[0]
    assert (photo.width, photo.height) == (64, 96)
    assert photo.pixels[:40].mean() > 180 > 60 > photo.pixels[56:].mean()


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_what_is_cut_short_is_damaged_or_still_shows_something(
    tmp_path: Path, keep: float
) -> None:
    for kind in (("mp4", "mp4v"), ("webm", "VP80")):
        whole = film(tmp_path, [grey(level) for level in range(100, 160)], kind=kind)
        cut = whole[: int(keep * len(whole))]
        try:
            photos = sample_frames(cut)
        except DamagedVideo:
            continue
        assert 1 <= len(photos) <= MAX_FRAMES


def test_noise_after_a_videos_first_bytes_is_damaged() -> None:
    noise = np.random.default_rng(1).integers(0, 256, 20_000, np.uint8).tobytes()
    for head in (b"\x00\x00\x00\x1cftypisom", b"\x1a\x45\xdf\xa3"):
        with pytest.raises(DamagedVideo):
            sample_frames(head + noise)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"GIF89a",
    ],
)
def test_only_files_that_hold_their_own_frames_reach_the_decoder(content: bytes) -> None:
    with pytest.raises(NotAVideo):
        sample_frames(content)


def test_more_bytes_than_telegram_hands_out_are_refused() -> None:
    with pytest.raises(VideoTooLarge):
        sample_frames(b"\x00\x00\x00\x1cftypisom" + bytes(MAX_BYTES))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on file sizes there")
def test_nothing_of_a_video_is_written_to_a_disk(tmp_path: Path) -> None:
    """Any byte that the process writes to a file would end it."""
    path = tmp_path / "given.mp4"
    path.write_bytes(film(tmp_path, [grey(90)] * 20))
    code = (
        "import resource, sys, pathlib\n"
        "from vision.photo.video import sample_frames\n"
        "video = pathlib.Path(sys.argv[1]).read_bytes()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "print(len(sample_frames(video)), 'moments')\n"
    )
    run = subprocess.run(
        [sys.executable, "-B", "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert run.returncode == 0, run.stderr
    assert "moments" in run.stdout
