"""What a face can come in, told to the whole product in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.demo import agreed_chat, looks_right, send
from tests.support.photos.filming import blurred, film, png, portrait


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Page]:
    with agreed_chat(tmp_path_factory.mktemp("demo"), browser) as page:
        yield page


def photo(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def pictures(page: Page) -> Locator:
    return page.locator('#messages li[data-from="bot"][data-kind="photo"]')


def playlists(page: Page) -> Locator:
    return page.locator('#messages li[data-from="bot"]', has_text="20 tracks")


@pytest.mark.browser
def test_an_album_with_words(page: Page, tmp_path: Path) -> None:
    before = playlists(page).count()
    album = [
        photo(tmp_path, "blurred.png", png(blurred(portrait(480), 3))),
        photo(tmp_path, "sharp.png", png(portrait(480))),
    ]
    page.fill("#text", "rough day")
    page.set_input_files("#pick-photo", album)
    expect(playlists(page)).to_have_count(before + 1)
    expect(page.locator(".album li")).to_have_count(2)
    answer = pictures(page).last
    expect(answer).to_contain_text("Of your 2 photos I read number 2")
    expect(answer).to_contain_text("I counted your words: rough for sad.")
    expect(answer).to_contain_text("You look happy")
    looks_right(page, tmp_path / "album.png")


@pytest.mark.browser
def test_a_video_message(page: Page, tmp_path: Path) -> None:
    before = playlists(page).count()
    page.click("#attach")
    page.click("#attach-menu [data-attach=sample-note]")
    expect(playlists(page)).to_have_count(before + 1)
    expect(pictures(page).last).to_contain_text("moments of your video")
    looks_right(page, tmp_path / "note.png")


@pytest.mark.browser
def test_a_video_that_is_too_long(page: Page, tmp_path: Path) -> None:
    frames = [np.zeros((32, 32, 3), np.uint8)] * 130
    clip = photo(tmp_path, "long.webm", film(tmp_path, frames, fps=2, kind=("webm", "VP80")))
    page.set_input_files("#pick-photo", clip)
    expect(page.get_by_text("longer than a minute")).to_be_visible()


@pytest.mark.browser
def test_one_of_two_people_then_the_other(page: Page, tmp_path: Path) -> None:
    both = np.full((400, 800, 3), 128, np.uint8)
    both[:, :400], both[:, 400:] = portrait(400), portrait(400)[:, ::-1]
    page.set_input_files("#pick-photo", photo(tmp_path, "two.png", png(both)))
    question = page.locator("#messages li", has_text="Whose mood")
    expect(question.locator(".quote img")).to_be_visible()
    looks_right(page, tmp_path / "two.png")
    for number in ("2", "1"):
        before = playlists(page).count()
        question.get_by_role("button", name=number, exact=True).click()
        expect(playlists(page)).to_have_count(before + 1)
        expect(pictures(page).last).to_contain_text("You look happy")


@pytest.mark.browser
def test_a_mood_in_words(page: Page) -> None:
    before = playlists(page).count()
    send(page, "feeling kind of down today")
    expect(page.get_by_text("I counted your words: down for sad.")).to_be_visible()
    expect(playlists(page)).to_have_count(before + 1)
    expect(playlists(page).last).to_contain_text("Sad · Match")


@pytest.mark.browser
def test_a_wrong_reading_is_corrected_and_its_playlist_rewritten(
    page: Page, tmp_path: Path
) -> None:
    before = playlists(page).count()
    page.set_input_files("#pick-photo", photo(tmp_path, "me.png", png(portrait(480))))
    expect(playlists(page)).to_have_count(before + 1)
    answer = pictures(page).last
    expect(answer).to_contain_text("You look happy")
    answer.get_by_role("button", name="Not quite").click()
    answer.get_by_role("button", name="sad").click()
    expect(answer).to_contain_text("sad")
    expect(answer).not_to_contain_text("You look happy")
    expect(answer.get_by_role("button", name="Not quite")).to_have_count(0)
    expect(playlists(page).last).to_contain_text("Sad · Match")
    expect(playlists(page)).to_have_count(before + 1)  # rewritten, not doubled
    looks_right(page, tmp_path / "corrected.png")
