"""Settings, feedback, export and an end, told to the whole product in a real browser."""

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from bot.storage.records import PERSONAL_TABLES
from tests.support.demo import looks_right, phone, running_demo, send

USER = 7


def press(message: Locator, label: str) -> None:
    message.get_by_role("button", name=label, exact=True).click()


def newest(page: Page) -> Locator:
    return page.locator('#messages > li[data-from="bot"]').last


def rows(database: Path) -> dict[str, int]:
    """Count the rows about the user in every table that has any."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        counts = {}
        for each in PERSONAL_TABLES:
            sql = f"select count(*) from {each.table} where {each.where}"  # noqa: S608
            (counts[each.table],) = db.execute(sql, {"user_id": USER}).fetchone()
    return {name: count for name, count in counts.items() if count}


@pytest.mark.browser
def test_from_settings_and_feedback_to_an_export_and_an_end(
    browser: Browser, tmp_path: Path
) -> None:
    with running_demo(tmp_path / "data") as url:
        context = phone(browser)
        page = context.new_page()
        page.goto(f"{url}/?user={USER}")
        page.click("#start")
        press(newest(page), "Agree")

        send(page, "/settings")
        expect(newest(page)).to_contain_text("Length: 20 tracks")
        press(newest(page), "10")
        expect(newest(page)).to_contain_text("Length: 10 tracks")
        press(newest(page), "Favourite genres")
        press(newest(page), "Type another genre")
        expect(newest(page)).to_contain_text("Which genre?")
        send(page, "sould")
        expect(newest(page)).to_contain_text("no genre called sould")
        press(newest(page), "soul")
        expect(newest(page)).to_contain_text("• soul")
        looks_right(page, tmp_path / "settings.png")

        send(page, "/mood sad")
        expect(newest(page)).to_contain_text("10 tracks")
        press(newest(page), "More like this")
        expect(page.locator("#messages > li", has_text="10 tracks: music")).to_have_count(2)
        send(page, "/feedback 4")
        expect(newest(page)).to_contain_text("4 of 5. And how do you feel now?")
        press(newest(page), "😊 happy")
        expect(newest(page)).to_contain_text("sad 😢 before, happy 😊 now")
        looks_right(page, tmp_path / "feedback.png")

        send(page, "/export")
        with page.expect_download() as download:
            page.locator('[data-kind="document"] a.card').click()
        download.value.save_as(tmp_path / "export.zip")
        with zipfile.ZipFile(tmp_path / "export.zip") as packed:
            told = json.loads(packed.read("mirrortape.json"))["tables"]
        (pair,) = told["moods_after"]
        assert (pair["playlist_id"], pair["emotion"]) == (2, "happy")
        assert told["preferences"][0]["favourite_genres"] == ["soul"]

        (database,) = tmp_path.rglob("mirrortape.db")
        assert {"people", "playlists", "shown", "preferences"} <= set(rows(database))
        send(page, "/forget")
        press(newest(page), "Delete everything")
        expect(newest(page)).to_contain_text("everything about you is deleted")
        looks_right(page, tmp_path / "forgotten.png")
        while left := rows(database):  # until the press itself, once answered, is out of the inbox
            assert set(left) == {"inbox"}
            page.wait_for_timeout(50)
        context.close()
