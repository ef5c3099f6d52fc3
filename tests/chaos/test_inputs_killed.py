"""The real bot, killed while it gathers or reads an album or a video, and started again.

Nothing that was sent is lost, an album stays whole, and old buttons go on working.
"""

import time
from pathlib import Path

import numpy as np
import pytest

from bot.sandbox.telegram.files import Shape
from tests.support.photos.filming import blurred, film, png, portrait
from tests.support.town import town_in, wait_for

pytestmark = pytest.mark.chaos

MOMENTS_S = (0.1, 0.5, 0.9, 1.3, 2.0)
"""When to kill after an album was sent: while it is gathered, fetched, read, answered."""


def test_an_album_is_read_whole_whenever_the_bot_is_killed(tmp_path: Path) -> None:
    files = [png(blurred(portrait(), 3)), png(portrait()), png(portrait() // 4)]
    album = [(content, "a.png", "image/png") for content in files]
    with town_in(tmp_path) as town:
        for user_id, moment_s in enumerate(MOMENTS_S, start=1):
            town.agree(user_id)
            town.telegram.send_album(user_id, album, "rough day")
            time.sleep(moment_s)
            town.kill()
            town.start()
            wait_for(lambda: town.pictures(user_id), "the picture")  # noqa: B023
            wait_for(town.has_handled_all, "the playlist")
            found = town.pictures(user_id)
            assert 1 <= len(found) <= 2  # twice only if killed between answering and noting it
            for message in found:
                assert "Of your 3 photos I read number 2" in message["caption"]
                assert "rough for sad" in message["caption"]
            assert len(town.chosen(user_id)) == 20


def test_a_video_and_a_choice_of_faces_outlive_the_bot(tmp_path: Path) -> None:
    video = film(tmp_path, [portrait()] * 30, kind=("webm", "VP80"))
    two_people = png(np.hstack([portrait(400), portrait(400)[:, ::-1]]))
    with town_in(tmp_path) as town:
        town.agree(1)
        town.telegram.send_album(1, [(video, "a.webm", "video/webm")], shapes=[Shape(320, 320, 3)])
        time.sleep(0.8)
        town.kill()
        town.start()
        (picture, *_) = wait_for(lambda: town.pictures(1), "the picture")
        assert "moments of your video" in picture["caption"]

        town.agree(2)
        town.telegram.send_photo(2, two_people)
        wait_for(lambda: town.pictures(2), "the question")
        wait_for(town.has_handled_all, "the question to be noted")
        town.kill()
        town.start()
        town.press(2, "2")
        wait_for(lambda: len(town.pictures(2)) == 2, "the picture of the second face")
        assert "You look" in town.pictures(2)[-1]["caption"]
