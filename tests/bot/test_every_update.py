"""Every command, button, reaction and kind of message that is handled, and a test that pushes it.

A handler without its line here fails, and so does a line whose test does not reach the handler.
What else Telegram can deliver is in `tests.bot.test_every_message`.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import pytest

from bot.app import OTHER_MESSAGES
from tests.support.spotify.spotify_world import World, running_server
from tests.support.telegram import handlers
from tests.support.telegram.chatting import Chat, with_chat

# Loaded by name: their tests are run here, nothing of them is used.
test_connecting = import_module("tests.bot.chat.connect.test_handlers")
test_consent = import_module("tests.bot.chat.onboarding.test_handlers")
test_corrections = import_module("tests.bot.chat.selfie.test_corrections")
test_crisis = import_module("tests.bot.chat.test_crisis")
test_feedback = import_module("tests.bot.chat.feedback.test_handlers")
test_history = import_module("tests.bot.chat.history.test_handlers")
test_inputs = import_module("tests.bot.chat.selfie.test_inputs")
test_more_like_this = import_module("tests.bot.chat.playlist.test_more_like_this")
test_other_messages = import_module("tests.bot.chat.test_other_messages")
test_playlist_files = import_module("tests.bot.chat.playlist.test_playlist_files")
test_playlists = import_module("tests.bot.chat.playlist.test_handlers")
test_preferring = import_module("tests.bot.chat.settings.test_handlers")
test_privacy = import_module("tests.bot.chat.privacy.test_handlers")
test_reminders = import_module("tests.bot.chat.connect.test_reminders")
test_scheduling = import_module("tests.bot.chat.checkins.test_handlers")
test_selfies = import_module("tests.bot.chat.selfie.test_handlers")

Test = Callable[[], None]


def in_a_world(test: Callable[[World], None]) -> Test:
    """Return a test that is given a local Spotify."""

    def run() -> None:
        with running_server() as server:
            test(World(server))

    return run


def in_a_folder(test: Callable[[Path], None]) -> Test:
    """Return a test that is given a folder of its own."""

    def run() -> None:
        with TemporaryDirectory() as folder:
            test(Path(folder))

    return run


def reminded(world: World) -> None:
    test_reminders.test_the_button_of_a_reminder_leads_to_a_link_that_works(
        test_reminders.teller(world)
    )


other = test_other_messages.test_each_kind_of_message_gets_its_own_answer_and_stores_nothing

TESTS: Mapping[str, Test] = MappingProxyType(
    {
        "anything": test_other_messages.test_a_stranger_is_told_whom_to_ask,
        # commands
        "/start": test_consent.test_start_explains_then_asks_once,
        "/help": test_other_messages.test_a_stranger_is_told_whom_to_ask,
        "/mood": partial(test_playlists.test_an_unnamed_mood_is_asked_for, "/mood"),
        "/playlist": test_playlists.test_playlist_asks_again_with_other_tracks_in_the_last_mode,
        "/feedback": test_feedback.test_feedback_alone_shows_the_last_playlist_and_the_stars,
        "/settings": test_preferring.test_what_is_chosen_is_marked,
        "/connect": test_playlists.test_without_a_spotify_app_connect_says_so,
        "/disconnect": test_playlists.test_disconnect_says_what_happened,
        "/history": test_history.test_where_there_is_no_past_it_says_how_to_begin,
        "/schedule": test_scheduling.test_off_stops_everything_the_question_included,
        "/privacy": test_privacy.test_privacy_names_the_version_agreed_to_and_takes_it_back,
        "/export": test_privacy.test_export_holds_every_row_of_this_user_and_no_other,
        "/forget": test_privacy.test_forget_deletes_every_row_of_this_user_and_no_other,
        "/cancel": test_selfies.test_cancel_stops_the_reading_and_takes_its_status_away,
        # buttons
        "button agree": test_consent.test_start_explains_then_asks_once,
        "button decline": (
            test_consent.test_declining_reads_nothing_and_forgets_the_photo_that_waited
        ),
        "button withdraw": test_privacy.test_privacy_names_the_version_agreed_to_and_takes_it_back,
        "button reset": (
            test_corrections.test_forgetting_the_corrections_brings_the_networks_reading_back
        ),
        "button forget": test_privacy.test_forget_deletes_every_row_of_this_user_and_no_other,
        "button right": test_selfies.test_right_settles_the_question,
        "button wrong": test_selfies.test_not_quite_has_a_way_back,
        "button back": test_selfies.test_not_quite_has_a_way_back,
        "button correct": (
            test_selfies.test_a_corrected_emotion_rewrites_the_playlist_in_its_own_message
        ),
        "button face": test_inputs.test_of_several_people_one_is_chosen_by_a_button,
        "button mood": partial(test_playlists.test_an_unnamed_mood_is_asked_for, "/mood"),
        "button mode": partial(
            test_playlists.test_a_mode_button_under_the_picture_rewrites_that_readings_playlist,
            "lift",
        ),
        "button remode": test_playlists.test_switching_modes_does_not_use_up_the_tracks_that_fit,
        "button more": test_more_like_this.test_a_playlist_that_is_gone_has_no_other_like_it,
        "button another": (
            test_more_like_this.test_another_one_has_other_tracks_for_the_same_mood_and_mode
        ),
        "button page": test_playlists.test_paging_shows_every_track_once,
        "button files": test_playlist_files.test_the_button_under_a_playlist_sends_both_files,
        "button vote": test_feedback.test_a_disliked_track_never_comes_again,
        "button stars": test_feedback.test_feedback_alone_shows_the_last_playlist_and_the_stars,
        "button felt": (test_feedback.test_how_it_felt_before_and_after_is_a_pair_with_its_times),
        "button undo": test_feedback.test_undo_puts_back_what_was_there_before,
        "button settings": test_preferring.test_years_by_button_and_by_words,
        "button set": test_preferring.test_years_by_button_and_by_words,
        "button add": (
            test_preferring.test_genres_are_offered_and_a_favourite_cannot_be_banned_too
        ),
        "button drop": test_preferring.test_an_artist_is_typed_banned_and_freed_again,
        "button ask": test_preferring.test_an_artist_is_typed_banned_and_freed_again,
        "button save": (
            test_playlists.test_saving_offers_to_connect_first_and_writes_once_connected
        ),
        "button connect": in_a_world(reminded),
        "button history": test_history.test_five_hundred_readings_have_pages_that_turn,
        "button talk": test_crisis.test_what_may_mean_less_gets_a_line_and_the_usual_answer,
        "button again": in_a_folder(test_history.test_buttons_work_after_a_restart),
        "button plan": test_scheduling.test_suggestions_are_taken_by_button,
        "button half": in_a_folder(
            partial(
                test_scheduling.test_an_hour_alone_is_asked_about_with_two_buttons,
                half="9 pm",
                time="21:00",
            )
        ),
        "button unplan": (
            test_scheduling.test_several_check_ins_are_listed_with_buttons_to_remove_each
        ),
        "button zone": test_scheduling.test_the_zone_changes_by_button_and_by_words,
        "any other button": test_other_messages.test_a_button_of_another_age_is_answered,
        "reaction": test_feedback.test_a_reaction_on_a_track_votes,
        # messages
        "message to answer": (
            test_crisis.test_the_answer_comes_before_anything_else_and_needs_no_consent
        ),
        "message to Connecting.answered": (
            in_a_world(
                test_connecting.test_a_phone_is_told_what_to_copy_and_connects_by_pasting_it
            )
        ),
        "message to Preferring.answered": test_preferring.test_years_by_button_and_by_words,
        "message to Scheduling.answered": (
            test_scheduling.test_the_zone_changes_by_button_and_by_words
        ),
        "message to Scheduling.located": (
            test_scheduling.test_a_location_offers_the_clocks_near_it_and_is_not_kept
        ),
        "message to Selfies.selfie": (
            test_selfies.test_a_photo_becomes_a_picture_with_buttons_and_a_playlist
        ),
        "message to PlaylistHandlers.spoken": test_inputs.test_a_mood_can_be_said_in_plain_words,
        **{f"message {kind}": partial(other, kind) for kind in OTHER_MESSAGES},
    }
)
"""What is handled, by `handlers.name_of`, and a test that asserts on the answer to it."""


def test_every_handler_has_its_line() -> None:
    async def story(chat: Chat) -> None:
        assert sorted(handlers.names(chat.application)) == sorted(TESTS)

    asyncio.run(with_chat(story))


@pytest.mark.parametrize("name", TESTS)
def test_the_test_of_a_handler_reaches_it(name: str) -> None:
    assert name in reached_by(TESTS[name])


@cache
def reached_by(test: Test) -> frozenset[str]:
    """Run a test and return the names of the handlers that it reaches."""
    handlers.reached.clear()
    test()
    return frozenset(handlers.reached)
