"""Check-ins and the history, told to the whole product in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from bot.chat.history.mood_picture import WIDTH
from tests.support.demo import agreed_chat, looks_right, send


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Page]:
    with agreed_chat(tmp_path_factory.mktemp("demo"), browser) as page:
        yield page


def last(page: Page) -> Locator:
    return page.locator('#messages li[data-from="bot"]').last


@pytest.mark.browser
def test_check_ins_are_set_by_a_location_and_removed_again(page: Page, tmp_path: Path) -> None:
    send(page, "/schedule 08:30 weekdays 10 am weekends")
    expect(last(page)).to_contain_text("Which time zone are you in?")
    looks_right(page, tmp_path / "zone.png")
    page.get_by_role("button", name="Send where I am").click()
    last(page).get_by_role("button", name="Rome").click()
    expect(last(page)).to_contain_text("Your time zone is Rome")
    expect(page.locator("#reply-keyboard")).to_be_hidden()
    looks_right(page, tmp_path / "schedule.png")
    last(page).get_by_role("button", name="✕ 10:00 weekends").click()
    expect(last(page).locator(".keyboard button")).to_have_count(2)
    expect(last(page)).not_to_contain_text("weekends")
    send(page, "/schedule off")
    expect(last(page)).to_contain_text("no more check-ins")


@pytest.mark.browser
def test_the_history_is_a_picture_and_the_last_playlists(page: Page, tmp_path: Path) -> None:
    for mood in ("sad", "happy"):
        send(page, f"/mood {mood}")
        expect(last(page)).to_contain_text(f"{mood.capitalize()} · Match")
    send(page, "/history")
    expect(last(page)).to_contain_text("Your last playlists")
    picture = page.locator('[data-from="bot"][data-kind="photo"]')
    expect(picture).to_contain_text("2 moods in these weeks")
    assert picture.locator("img").evaluate("image => image.naturalWidth") == WIDTH
    picture.scroll_into_view_if_needed()
    looks_right(page, tmp_path / "history.png")
    last(page).get_by_role("button", name="2", exact=True).click()
    expect(last(page)).to_contain_text("Sad · Match")
    expect(last(page)).to_contain_text("20 tracks")
