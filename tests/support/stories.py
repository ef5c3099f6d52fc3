"""What users do, for every handler of the bot's: each story brings one update to it at the end.

A story begins with what there was before and calls `Scene.begins` right before the update.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode

from bot import texts
from bot.app import OTHER_MESSAGES
from tests.support.interrupted import PHOTO, Scene, Story
from tests.support.spotify.spotify_world import REDIRECT_URI
from tests.support.telegram.chatting import AGREE, ANNA, BEN, MP4, a_reading
from tests.support.telegram.fake_telegram import Call
from tests.support.telegram.other_messages import MESSAGES, ROME
from vision import SeveralFaces

CONNECTED, OFFERED = "a connected account", "a Spotify app"


@dataclass(frozen=True, slots=True)
class Asked:
    """A story and what it needs.

    Args:
        story: What happens.
        spotify: `OFFERED` where users can connect, `CONNECTED` where Anna has; empty for neither.
        keeps_copies: Whether the data lie on a disk, with nightly copies.
        is_strangers: Whether Anna is nobody's guest.
        is_silent: Whether it needs no answer.
    """

    story: Story
    spotify: str = ""
    keeps_copies: bool = False
    is_strangers: bool = False
    is_silent: bool = False


STORIES: defaultdict[str, dict[str, Asked]] = defaultdict(dict)
"""By the name of the handler, as `handlers.name_of` has it, then by their own."""


def reaches(handler: str, **needs: Any) -> Callable[[Story], Story]:
    """Note that a story ends in a handler; with an account, it is told without one too."""

    def note(story: Story) -> Story:
        name = story.__name__.replace("_", " ").strip()
        STORIES[handler][name] = Asked(story, **needs)
        return story

    return note


# -- what there was before --


async def a_playlist(scene: Scene, words: str = "/mood sad") -> Call:
    """Have a playlist made, and return it as it is shown."""
    return (await scene.say(words))[-1]


async def a_photo(scene: Scene, **how: Any) -> list[Call]:
    """Have a photo read, and return the picture and the playlist."""
    await scene.press(AGREE)
    if how:
        scene.worker.outcome = a_reading(**how)
    calls = await scene.photo(PHOTO)
    return [call for call in calls if call.method in ("editMessageMedia", "editMessageText")]


async def press(scene: Scene, shown: Call, label: str) -> None:
    """Press a button that the story is about, under the message that shows it."""
    scene.begins()
    await scene.press(shown.data(label), message_id=message_of(scene, shown))


def message_of(scene: Scene, shown: Call) -> int:
    """Return the number of the message that a call made or changed."""
    if "message_id" in shown.parameters:
        return int(shown.parameters["message_id"])
    return max(scene.telegram.shown)


async def begin(scene: Scene, text: str) -> None:
    """Say what the story is about."""
    scene.begins()
    await scene.say(text)


# -- the gate, first contact, consent --


@reaches("anything", is_strangers=True)
async def a_stranger(scene: Scene) -> None:
    await begin(scene, "/start")


@reaches("/start")
async def start(scene: Scene) -> None:
    await begin(scene, "/start")


@reaches("/start")
async def start_again(scene: Scene) -> None:
    await scene.press(AGREE)
    await begin(scene, "/start")


@reaches("/help")
async def help_wanted(scene: Scene) -> None:
    await begin(scene, "/help")


@reaches("button agree")
async def agree(scene: Scene) -> None:
    (asked,) = await scene.say("/start")
    await press(scene, asked, "Agree")


@reaches("button agree", spotify=CONNECTED)
async def agree_to_a_photo_that_waits(scene: Scene) -> None:
    (asked,) = await scene.photo(PHOTO)
    await press(scene, asked, "Agree")


@reaches("button decline")
async def decline(scene: Scene) -> None:
    (asked,) = await scene.photo(PHOTO)
    await press(scene, asked, "No, thanks")


@reaches("button withdraw")
async def withdraw(scene: Scene) -> None:
    await scene.press(AGREE)
    (shown,) = await scene.say("/privacy")
    await press(scene, shown, texts.WITHDRAW)


# -- photos --


@reaches("message to Selfies.selfie", spotify=CONNECTED)
async def a_selfie(scene: Scene) -> None:
    await scene.press(AGREE)
    scene.begins()
    await scene.photo(PHOTO)


@reaches("message to Selfies.selfie", spotify=CONNECTED)
async def a_selfie_into_a_new_playlist_each_time(scene: Scene) -> None:
    await scene.press("set:keeps:yes")
    await a_playlist(scene, "/mood happy")
    await scene.press(AGREE)
    scene.begins()
    await scene.photo(PHOTO)


@reaches("message to Selfies.selfie")
async def a_selfie_without_an_account(scene: Scene) -> None:
    await scene.press(AGREE)
    scene.begins()
    await scene.photo(PHOTO)


@reaches("message to Selfies.selfie")
async def a_selfie_without_consent(scene: Scene) -> None:
    scene.begins()
    await scene.photo(PHOTO)


@reaches("message to Selfies.selfie")
async def an_unsure_selfie(scene: Scene) -> None:
    await scene.press(AGREE)
    scene.worker.outcome = a_reading("sad", 0.2)
    scene.begins()
    await scene.photo(PHOTO)


@reaches("message to Selfies.selfie")
async def a_selfie_of_two(scene: Scene) -> None:
    await scene.press(AGREE)
    scene.worker.outcome = SeveralFaces(2, b"\xff\xd8 numbered")
    scene.begins()
    await scene.photo(PHOTO)


@reaches("message to Selfies.selfie")
async def an_album(scene: Scene) -> None:
    await scene.press(AGREE)
    scene.begins()
    await scene.album(*({"photo": [scene.file(PHOTO + bytes([n]))]} for n in range(2)))


@reaches("message to Selfies.selfie")
async def a_video(scene: Scene) -> None:
    await scene.press(AGREE)
    scene.begins()
    await scene.message({"video": {**scene.file(MP4), "duration": 4}})


@reaches("button face")
async def choose_a_face(scene: Scene) -> None:
    await scene.press(AGREE)
    scene.worker.outcome = SeveralFaces(2, b"\xff\xd8 numbered")
    photo = scene.written({"photo": [scene.file(PHOTO)]})
    asked = (await scene.process({"message": photo}))[-1]
    scene.begins()
    await scene.press(asked.data("2"), message_id=max(scene.telegram.shown), reply_to=photo)


@reaches("/cancel")
async def cancel_nothing(scene: Scene) -> None:
    await begin(scene, "/cancel")


@reaches("/cancel")
async def cancel_a_question(scene: Scene) -> None:
    await scene.press("ask:banned_artists", message_id=message_of(scene, await settings(scene)))
    await begin(scene, "/cancel")


# -- verdicts --


@reaches("button right")
async def right(scene: Scene) -> None:
    picture, _ = await a_photo(scene)
    await press(scene, picture, "Right")


@reaches("button wrong")
async def wrong(scene: Scene) -> None:
    picture, _ = await a_photo(scene)
    await press(scene, picture, "Not quite")


@reaches("button back")
async def back(scene: Scene) -> None:
    picture, _ = await a_photo(scene)
    message_id = message_of(scene, picture)
    calls = await scene.press(picture.data("Not quite"), message_id=message_id)
    await press(scene, calls[-1], "‹ Back")


@reaches("button correct", spotify=CONNECTED)
async def correct(scene: Scene) -> None:
    picture, _ = await a_photo(scene)
    message_id = message_of(scene, picture)
    calls = await scene.press(picture.data("Not quite"), message_id=message_id)
    await press(scene, calls[-1], "😠 angry")


# -- playlists --


@reaches("/mood", spotify=CONNECTED)
async def mood(scene: Scene) -> None:
    await begin(scene, "/mood sad")


@reaches("/mood", spotify=CONNECTED)
async def mood_into_a_playlist_that_is_there(scene: Scene) -> None:
    await a_playlist(scene, "/mood happy")
    await begin(scene, "/mood sad")


@reaches("/mood", spotify=CONNECTED)
async def mood_into_a_new_playlist_each_time(scene: Scene) -> None:
    await scene.press("set:keeps:yes")
    await a_playlist(scene, "/mood happy")
    await begin(scene, "/mood sad")


@reaches("/mood")
async def mood_unnamed(scene: Scene) -> None:
    await begin(scene, "/mood")


@reaches("/playlist", spotify=CONNECTED)
async def another_playlist(scene: Scene) -> None:
    await a_playlist(scene)
    await begin(scene, "/playlist")


@reaches("/playlist")
async def another_playlist_than_none(scene: Scene) -> None:
    await begin(scene, "/playlist")


@reaches("button mood")
async def mood_chosen(scene: Scene) -> None:
    (asked,) = await scene.say("/mood")
    await press(scene, asked, "😢 sad")


@reaches("button mode", spotify=CONNECTED)
async def mode_of_a_reading(scene: Scene) -> None:
    picture, _ = await a_photo(scene)
    await press(scene, picture, "Lift")


@reaches("button remode", spotify=CONNECTED)
async def mode_of_a_playlist(scene: Scene) -> None:
    await press(scene, await a_playlist(scene), "Lift")


@reaches("button more")
async def more_like_it(scene: Scene) -> None:
    await press(scene, await a_playlist(scene), "More like this")


@reaches("button another")
async def another_one(scene: Scene) -> None:
    await press(scene, await a_playlist(scene), "Another one")


@reaches("button page")
async def page(scene: Scene) -> None:
    await press(scene, await a_playlist(scene), "›")


@reaches("button files")
async def files(scene: Scene) -> None:
    await press(scene, await a_playlist(scene), "Get as a file")


@reaches("button again")
async def shown_again(scene: Scene) -> None:
    await a_playlist(scene)
    listed = (await scene.say("/history"))[-1]
    await press(scene, listed, "1")


@reaches("message to PlaylistHandlers.spoken", spotify=CONNECTED)
async def said_in_words(scene: Scene) -> None:
    await begin(scene, "feeling kind of down today")


@reaches("message to PlaylistHandlers.spoken")
async def said_without_a_mood(scene: Scene) -> None:
    await begin(scene, "hello there")


# -- feedback --


@reaches("button vote")
async def vote(scene: Scene) -> None:
    await press(scene, await a_playlist(scene), "👍 1")


@reaches("button stars")
async def stars(scene: Scene) -> None:
    await a_playlist(scene)
    asked = (await scene.say("/feedback"))[-1]
    await press(scene, asked, "2 ★")


async def rated(scene: Scene) -> Call:
    await a_playlist(scene)
    await scene.say("/feedback 3")
    asked = (await scene.say("/feedback"))[-1]
    return (await scene.press(asked.data("2 ★"), message_id=message_of(scene, asked)))[-1]


@reaches("button stars")
async def other_stars(scene: Scene) -> None:
    await a_playlist(scene)
    await scene.say("/feedback 3")
    asked = (await scene.say("/feedback"))[-1]
    await press(scene, asked, "2 ★")


@reaches("button felt")
async def felt(scene: Scene) -> None:
    await press(scene, await rated(scene), "😊 happy")


@reaches("button undo")
async def undo_stars(scene: Scene) -> None:
    await press(scene, await rated(scene), texts.UNDO)


@reaches("button undo")
async def undo_a_feeling(scene: Scene) -> None:
    asked = await rated(scene)
    pressed = await scene.press(asked.data("😊 happy"), message_id=message_of(scene, asked))
    await press(scene, pressed[-1], texts.UNDO)


@reaches("button undo")
async def undo_a_vote(scene: Scene) -> None:
    await a_playlist(scene)
    await scene.say("/feedback 1 -")
    voted = (await scene.say("/feedback 1 +"))[-1]
    await press(scene, voted, texts.UNDO)


@reaches("/feedback")
async def feedback(scene: Scene) -> None:
    await a_playlist(scene)
    await begin(scene, "/feedback")


@reaches("/feedback")
async def feedback_in_stars(scene: Scene) -> None:
    await a_playlist(scene)
    await scene.say("/feedback 3")
    await begin(scene, "/feedback 4")


@reaches("/feedback")
async def feedback_on_a_track(scene: Scene) -> None:
    await a_playlist(scene)
    await scene.say("/feedback 1 -")
    await begin(scene, "/feedback 1 +")


@reaches("reaction")
async def reaction(scene: Scene) -> None:
    shown = await a_playlist(scene)
    await scene.say("/feedback 3")
    scene.begins()
    await scene.react(message_of(scene, shown), "🔥")


@reaches("reaction", is_silent=True)
async def reaction_on_a_track(scene: Scene) -> None:
    await a_playlist(scene)
    await scene.say("/feedback 1 -")
    message_id = max(scene.telegram.shown)
    scene.begins()
    await scene.react(message_id, "👍")


# -- settings --


async def settings(scene: Scene) -> Call:
    return (await scene.say("/settings"))[-1]


def an_artist(scene: Scene) -> str:
    """Return an artist of the catalogue whose name is the same in HTML."""
    artists = (scene.services.table.track(row).artist for row in range(100))
    return next(artist for artist in artists if escape(artist) == artist and ", " not in artist)


async def asked(scene: Scene, about: str) -> None:
    message_id = message_of(scene, await settings(scene))
    await scene.press(f"ask:{about}", message_id=message_id)


@reaches("/settings")
async def all_settings(scene: Scene) -> None:
    await begin(scene, "/settings")


@reaches("button settings")
async def a_page_of_settings(scene: Scene) -> None:
    message_id = message_of(scene, await settings(scene))
    scene.begins()
    await scene.press("settings:banned_artists", message_id=message_id)


@reaches("button set")
async def a_setting(scene: Scene) -> None:
    message_id = message_of(scene, await settings(scene))
    scene.begins()
    await scene.press("set:length:50", message_id=message_id)


@reaches("button add")
async def add_a_genre(scene: Scene) -> None:
    message_id = message_of(scene, await settings(scene))
    shown = (await scene.press("settings:banned_genres", message_id=message_id))[-1]
    add = next(b["callback_data"] for b in shown.buttons if b["callback_data"].startswith("add:"))
    await scene.press(add.replace("banned", "favourite"), message_id=message_id)
    scene.begins()
    await scene.press(add, message_id=message_id)


@reaches("button drop")
async def drop_an_artist(scene: Scene) -> None:
    await asked(scene, "banned_artists")
    shown = (await scene.say(an_artist(scene)))[0]
    drop = next(b["callback_data"] for b in shown.buttons if b["callback_data"].startswith("drop"))
    scene.begins()
    await scene.press(drop, message_id=message_of(scene, shown))


@reaches("button ask")
async def ask_for_years(scene: Scene) -> None:
    message_id = message_of(scene, await settings(scene))
    scene.begins()
    await scene.press("ask:years", message_id=message_id)


@reaches("message to Preferring.answered")
async def years_typed(scene: Scene) -> None:
    await asked(scene, "years")
    await begin(scene, "1980-1999")


@reaches("message to Preferring.answered")
async def artists_typed(scene: Scene) -> None:
    await asked(scene, "banned_artists")
    await begin(scene, an_artist(scene))


@reaches("message to Preferring.answered")
async def an_unknown_artist_typed(scene: Scene) -> None:
    await asked(scene, "banned_artists")
    await begin(scene, f"{an_artist(scene)}, Nobody Whom Anybody Knows")


@reaches("message to Preferring.answered")
async def other_things_than_the_answer(scene: Scene) -> None:
    await asked(scene, "banned_artists")
    await begin(scene, "/help")


# -- Spotify --


@reaches("/connect")
async def connect_where_nobody_can(scene: Scene) -> None:
    await begin(scene, "/connect")


@reaches("/connect", spotify=OFFERED)
async def connect(scene: Scene) -> None:
    await begin(scene, "/connect")


@reaches("/connect", spotify=OFFERED)
async def connect_by_an_app_of_their_own(scene: Scene) -> None:
    await begin(scene, "/connect 0123456789abcdef0123456789abcdef")


@reaches("button connect", spotify=CONNECTED)
async def connect_again(scene: Scene) -> None:
    scene.begins()
    await scene.press("connect")


@reaches("message to Connecting.answered", spotify=OFFERED)
async def paste_the_way_back(scene: Scene) -> None:
    back = await scene.connect(ANNA)
    await begin(scene, f"{REDIRECT_URI}?{urlencode(back)}")


@reaches("message to Connecting.answered", spotify=OFFERED)
async def paste_the_way_back_while_a_playlist_waits(scene: Scene) -> None:
    await a_playlist(scene)
    back = await scene.connect(ANNA)
    await begin(scene, f"{REDIRECT_URI}?{urlencode(back)}")


@reaches("message to Connecting.answered", spotify=OFFERED)
async def type_the_digits(scene: Scene) -> None:
    await a_playlist(scene)
    assert scene.connections is not None
    arrival = await scene.connections.oauth.arrive(await scene.connect(ANNA))
    await begin(scene, arrival.digits)


@reaches("message to Connecting.answered", spotify=OFFERED)
async def type_wrong_digits(scene: Scene) -> None:
    assert scene.connections is not None
    arrival = await scene.connections.oauth.arrive(await scene.connect(ANNA))
    await begin(scene, f"{(int(arrival.digits) + 1) % 10**6:06}")


@reaches("message to Connecting.answered", spotify=CONNECTED)
async def reconnect_with_nothing_that_waits(scene: Scene) -> None:
    await a_playlist(scene)
    back = await scene.connect(ANNA)
    await begin(scene, f"{REDIRECT_URI}?{urlencode(back)}")


@reaches("/disconnect", spotify=CONNECTED)
async def disconnect(scene: Scene) -> None:
    await begin(scene, "/disconnect")


@reaches("button save")
async def save_where_nobody_can(scene: Scene) -> None:
    await press(scene, await a_playlist(scene), "Save to my Spotify")


@reaches("button save", spotify=OFFERED)
async def save_and_be_offered_to_connect(scene: Scene) -> None:
    await press(scene, await a_playlist(scene), "Save to my Spotify")


@reaches("button save", spotify=OFFERED)
async def save_once_connected(scene: Scene) -> None:
    shown = await a_playlist(scene)
    await scene.connected(ANNA)
    await press(scene, shown, "Save to my Spotify")


@reaches("/mood", spotify=CONNECTED)
async def mood_with_a_token_that_ended(scene: Scene) -> None:
    assert scene.world is not None
    await a_playlist(scene)
    scene.world.clock.advance(hours=2)
    await begin(scene, "/mood happy")


# -- history --


@reaches("/history")
async def history(scene: Scene) -> None:
    await a_photo(scene)
    await begin(scene, "/history")


@reaches("/history")
async def history_of_nothing(scene: Scene) -> None:
    await begin(scene, "/history")


@reaches("button history")
async def earlier_history(scene: Scene) -> None:
    await a_photo(scene)
    await scene.say("/history")
    picture = sorted(scene.telegram.shown)[-2]
    scene.begins()
    await scene.press("history:1", message_id=picture)


# -- check-ins --


async def scheduled(scene: Scene, *, zone: str = "Berlin") -> Call:
    await scene.press(AGREE)
    if zone:
        await scene.say(f"/schedule zone {zone}")
    return (await scene.say("/schedule 08:30 weekdays"))[-1]


@reaches("/schedule")
async def schedule_shown(scene: Scene) -> None:
    await begin(scene, "/schedule")


@reaches("/schedule")
async def schedule_without_a_zone(scene: Scene) -> None:
    await scene.press(AGREE)
    await begin(scene, "/schedule 08:30 weekdays")


@reaches("/schedule")
async def schedule_another(scene: Scene) -> None:
    await scheduled(scene)
    await begin(scene, "/schedule 20:00")


@reaches("/schedule")
async def schedule_at_an_hour_alone(scene: Scene) -> None:
    await scheduled(scene)
    await begin(scene, "/schedule 9, 10:15")


@reaches("/schedule")
async def schedule_off(scene: Scene) -> None:
    await scheduled(scene)
    await begin(scene, "/schedule off")


@reaches("/schedule")
async def schedule_in_a_zone(scene: Scene) -> None:
    await scheduled(scene, zone="")
    await begin(scene, "/schedule zone Tokyo")


@reaches("/schedule")
async def schedule_without_consent(scene: Scene) -> None:
    await begin(scene, "/schedule 08:30")


@reaches("button plan")
async def plan(scene: Scene) -> None:
    await scene.press(AGREE)
    (shown,) = await scene.say("/schedule")
    scene.begins()
    await scene.press(shown.buttons[0]["callback_data"], message_id=message_of(scene, shown))


@reaches("button half")
async def half(scene: Scene) -> None:
    await scheduled(scene)
    shown = (await scene.say("/schedule 9"))[-1]
    scene.begins()
    await scene.press(shown.buttons[1]["callback_data"], message_id=message_of(scene, shown))


@reaches("button unplan")
async def unplan(scene: Scene) -> None:
    shown = await scheduled(scene)
    scene.begins()
    await scene.press(shown.buttons[0]["callback_data"], message_id=message_of(scene, shown))


@reaches("button zone")
async def zone(scene: Scene) -> None:
    await scheduled(scene)
    shown = await zones_near_rome(scene)
    scene.begins()
    await scene.press(shown.buttons[0]["callback_data"], message_id=message_of(scene, shown))


async def zones_near_rome(scene: Scene) -> Call:
    await scene.press("zone", message_id=max(scene.telegram.shown))
    return (await scene.message(ROME))[-1]


@reaches("button zone")
async def zone_wanted(scene: Scene) -> None:
    shown = await scheduled(scene)
    scene.begins()
    await scene.press("zone", message_id=message_of(scene, shown))


@reaches("message to Scheduling.answered")
async def zone_typed(scene: Scene) -> None:
    await scheduled(scene, zone="")
    await begin(scene, "Berlin")


@reaches("message to Scheduling.located")
async def location_sent(scene: Scene) -> None:
    await scheduled(scene, zone="")
    scene.begins()
    await scene.message(ROME)


# -- what is kept --


@reaches("/privacy")
async def privacy(scene: Scene) -> None:
    await scene.press(AGREE)
    await begin(scene, "/privacy")


async def corrected(scene: Scene) -> Call:
    picture, _ = await a_photo(scene)
    await scene.press("correct:1:sad", message_id=message_of(scene, picture))
    return (await scene.say("/privacy"))[-1]


@reaches("button reset")
async def reset(scene: Scene) -> None:
    shown = await corrected(scene)
    scene.begins()
    await scene.press("reset", message_id=message_of(scene, shown))


@reaches("/export")
async def export(scene: Scene) -> None:
    await a_photo(scene)
    await begin(scene, "/export")


@reaches("/forget")
async def forget(scene: Scene) -> None:
    await begin(scene, "/forget")


@reaches("button forget", spotify=CONNECTED)
async def forget_everything(scene: Scene) -> None:
    await a_photo(scene)
    await scene.say("/mood sad", BEN)
    (asked,) = await scene.say("/forget")
    await press(scene, asked, "Delete everything")


@reaches("button forget", keeps_copies=True)
async def forget_everything_in_copies_too(scene: Scene) -> None:
    await a_photo(scene)
    assert scene.services.nightly is not None
    await scene.services.nightly.ensure_copy(scene.services.clock())
    await scene.services.nightly.ensure_copy(scene.services.clock() + timedelta(days=1))
    (asked,) = await scene.say("/forget")
    await press(scene, asked, "Delete everything")


@reaches("button forget")
async def forget_nothing(scene: Scene) -> None:
    (asked,) = await scene.say("/forget")
    await press(scene, asked, "Keep it")


# -- words about suicide --


@reaches("message to answer")
async def words_about_suicide(scene: Scene) -> None:
    await begin(scene, "I want to die")


@reaches("message to answer")
async def words_that_may_mean_less(scene: Scene) -> None:
    await begin(scene, "this song makes me want to die")


@reaches("button talk")
async def whom_to_talk_to(scene: Scene) -> None:
    (asked, *_) = await scene.say("this song makes me want to die")
    await press(scene, asked, texts.CRISIS_TALK)


# -- anything else --


@reaches("any other button")
async def an_unknown_button(scene: Scene) -> None:
    scene.begins()
    await scene.press("a-button-of-another-age")


def _sends(content: Mapping[str, Any]) -> Story:
    async def send(scene: Scene) -> None:
        scene.begins()
        await scene.message(dict(content))

    return send


for _kind in OTHER_MESSAGES:
    STORIES[f"message {_kind}"][f"a message {_kind}"] = Asked(_sends(MESSAGES[_kind]))
