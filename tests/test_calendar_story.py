"""Check-ins and the history, told to the whole product in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from bot.mood_picture import WIDTH
from tests.test_demo import PATIENCE_MS, looks_right, running_demo


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Page]:
    """The chat of somebody who has agreed, on a phone."""
    expect.set_options(timeout=PATIENCE_MS)
    with running_demo(tmp_path_factory.mktemp("demo")) as url:
        context = browser.new_context(viewport={"width": 390, "height": 844})
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url)
        page.click("#start")
        page.get_by_role("button", name="Agree", exact=True).click()
        expect(page.get_by_text("Now send me a selfie")).to_be_visible()
        yield page
        context.close()


def say(page: Page, words: str) -> None:
    page.fill("#text", words)
    page.keyboard.press("Enter")


def last(page: Page) -> Locator:
    return page.locator('#messages li[data-from="bot"]').last


@pytest.mark.browser
def test_check_ins_are_set_by_a_location_and_removed_again(page: Page, tmp_path: Path) -> None:
    say(page, "/schedule 08:30 weekdays 10 am weekends")
    expect(last(page)).to_contain_text("By which clock do you go?")
    looks_right(page, tmp_path / "zone.png")
    page.get_by_role("button", name="Send where I am").click()
    last(page).get_by_role("button", name="Rome").click()
    expect(last(page)).to_contain_text("They go by the clock of Rome")
    expect(page.locator("#offers")).to_be_hidden()
    looks_right(page, tmp_path / "schedule.png")
    last(page).get_by_role("button", name="✕ 10:00 weekends").click()
    expect(last(page).locator(".keyboard button")).to_have_count(2)
    expect(last(page)).not_to_contain_text("weekends")
    say(page, "/schedule off")
    expect(last(page)).to_contain_text("no more check-ins")


@pytest.mark.browser
def test_the_history_is_a_picture_and_the_last_playlists(page: Page, tmp_path: Path) -> None:
    for mood in ("sad", "happy"):
        say(page, f"/mood {mood}")
        expect(last(page)).to_contain_text(f"{mood.capitalize()} · Match")
    say(page, "/history")
    expect(last(page)).to_contain_text("Your last playlists")
    picture = page.locator('[data-from="bot"][data-kind="photo"]')
    expect(picture).to_contain_text("2 moods in these weeks")
    assert picture.locator("img").evaluate("image => image.naturalWidth") == WIDTH
    picture.scroll_into_view_if_needed()
    looks_right(page, tmp_path / "history.png")
    last(page).get_by_role("button", name="2", exact=True).click()
    expect(last(page)).to_contain_text("Sad · Match")
    expect(last(page)).to_contain_text("20 tracks")
