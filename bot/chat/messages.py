"""The messages that depend on what was read, chosen or connected, as Telegram's HTML.

Whatever comes from outside, such as a title, passes through `escape`.
"""

import re
from collections.abc import Mapping
from html import escape, unescape
from math import exp
from typing import NamedTuple

from bot import texts
from bot.chat.media import Sending
from bot.chat.mood_words import NOTHING, Heard, Term, Wish
from bot.storage.people import GivenConsent
from recommender.listeners.mood_pairs import MoodPair
from recommender.listeners.saved import SavedPlaylist, ShownTrack
from recommender.mood.targets import GOALS, STARTS
from vision import Explanation, NoFaceFound, Reading, SeveralFaces, VisionError, percent

SURE_FROM = 0.5
"""Below this probability the bot asks instead of claiming: there the network is wrong more often
than right (0.52 on PublicTest, 0.49 to 0.56; `mirrortape evaluate` prints it)."""

MESSAGE_CHARS = 4096
"""Telegram's limit for one text."""

MOST_WORDS = 8
"""Of the user's words that are told back, so that a caption stays one."""


class _Layout(NamedTuple):
    """How much of a track its line shows: UTF-16 code units of title and artist, and reasons."""

    title: int
    artist: int
    has_reasons: bool


_LAYOUTS = (_Layout(60, 40, True), _Layout(60, 40, False), _Layout(30, 20, False))
"""The first that fits into a message is sent; the last fits for the longest playlist."""

_TAG = re.compile(r"<[^<>]*>")


def reading_caption(
    reading: Reading,
    weighed: Mapping[str, float] | None = None,
    answers: int = 0,
    heard: Heard = NOTHING,
    about: str = "",
) -> str:
    """Return what stands under the picture.

    Args:
        reading: What the network read; the picture shows it.
        weighed: The probabilities, weighed with the listener's earlier answers if any.
        answers: How many those are.
        heard: What of the caption counts in `weighed`.
        about: What of several pictures was read, if there were several.
    """
    weighed = weighed or reading.probabilities
    (emotion, share), (other, other_share) = told = _two_likeliest(weighed)
    best = f"<b>{texts.ADJECTIVES[emotion]}</b> ({share})"
    if is_sure(weighed):
        told = told[:1]
        lines = [f"You look {best} {texts.EMOTION_EMOJI[emotion]} {_sureness(weighed[emotion])}"]
    else:
        second = f"<b>{texts.ADJECTIVES[other]}</b> ({other_share})"
        lines = [f"I am not sure: {best} or {second}? Tell me which fits:"]
    if heard:
        lines.append(f"{counted(heard)} {_what_words_did(weighed, heard)}")
    network = _two_likeliest(reading.probabilities)
    if told != network[: len(told)]:  # else the picture shows the same
        lines.append(_weighed(answers, *network[0]))
    if about:
        lines.append(about)
    if reading.faces > 1 and not reading.is_chosen:
        lines.append(f"I see {reading.faces} faces and read the largest, the one in the picture.")
    if reading.covered != "none":
        lines.append(texts.COVERED[reading.covered])
    elif reading.eyes_found == "estimated":
        lines.append("I could not make out both eyes and estimated where they are.")
    return "\n".join(lines)


def _what_words_did(weighed: Mapping[str, float], heard: Heard) -> str:
    """Return whether the words of a caption changed the mood, and why not if they did not."""
    odds = {name: weighed[name] / exp(heard.evidence[name]) for name in weighed}
    before = {name: odds[name] / sum(odds.values()) for name in odds}
    read, told = max(before, key=before.__getitem__), max(weighed, key=weighed.__getitem__)
    if read != told:
        return texts.WORDS_DECIDED.format(emotion=texts.ADJECTIVES[told])
    if heard.emotion == read:
        return texts.WORDS_AGREED
    how = texts.LOOKED_CLEARLY if before[read] >= SURE_FROM else texts.LOOKED_MORE
    return how.format(emotion=texts.ADJECTIVES[read])


def is_sure(probabilities: Mapping[str, float]) -> bool:
    """Return whether a reading is sure enough to claim, rather than ask."""
    return max(probabilities.values()) >= SURE_FROM


def _sureness(probability: float) -> str:
    """Return in words how sure a reading is."""
    return next(words for least, words in texts.SURENESS if probability >= least)


def _two_likeliest(probabilities: Mapping[str, float]) -> list[tuple[str, str]]:
    """Return the two most probable emotions, the first first, with their percentages."""
    likeliest = sorted(probabilities.items(), key=lambda item: -item[1])[:2]
    return [(emotion, escape(percent(probability))) for emotion, probability in likeliest]


def _weighed(answers: int, emotion: str, share: str) -> str:
    """Return why the caption says something else than the picture, which shows `emotion`."""
    earlier = "answer" if answers == 1 else f"{answers} answers"
    weighed = texts.WEIGHED.format(answers=earlier) if answers else ""
    alone = texts.NETWORK_ALONE.format(emotion=texts.ADJECTIVES[emotion], share=share)
    return " ".join(filter(None, [weighed, alone]))


def counted(heard: Heard) -> str:
    """Return which of the user's words counted, and for what."""
    told = [_counted_as(term) for term in heard.terms[:MOST_WORDS]]
    return texts.COUNTED_WORDS.format(words=", ".join(told))


def _counted_as(term: Term) -> str:
    word = f"<i>{escape(str(term))}</i>"
    if str(term) == term.emotion:
        return word
    return (texts.COUNTED_AGAINST if term.is_negated else texts.COUNTED_FOR).format(
        word=word, emotion=term.emotion
    )


def heard_mood(wish: Wish, emotion: str) -> str:
    """Return what answers words that name a mood, a mode or both."""
    feeling = f"<b>{texts.ADJECTIVES[emotion]}</b>"
    if wish.strength < 1:
        feeling = texts.A_BIT.format(feeling=feeling)
    if wish.mode is not None:
        feeling = texts.IN_MODE.format(feeling=feeling, mode=texts.MODE_LABELS[wish.mode])
    words = [_counted_as(term) for term in wish.heard.terms[:MOST_WORDS]]
    if wish.mode_word:
        words.append(
            texts.COUNTED_FOR.format(word=f"<i>{wish.mode_word}</i>", emotion=wish.mode)
            if wish.mode_word != wish.mode
            else f"<i>{wish.mode_word}</i>"
        )
    told = texts.COUNTED_WORDS.format(words=", ".join(words))
    return texts.HEARD_MOOD.format(counted=told, emotion=feeling)


def heard_no_mood(heard: Heard) -> str:
    """Return the question about words that name no mood, or more than one."""
    return texts.HEARD_NO_MOOD.format(counted=counted(heard))


def status(sending: Sending) -> str:
    """Return what is said while something is being read."""
    if sending.kind == "video":
        return texts.STATUS_VIDEO
    count = len(sending.file_ids)
    return texts.STATUS_READING if count == 1 else texts.STATUS_ALBUM.format(count=count)


def whose_mood(sending: Sending, answer: SeveralFaces) -> str:
    """Return the question under the picture that numbers several faces."""
    lines = [texts.WHOSE_MOOD.format(count=answer.count), _about_album(sending, answer)]
    return "\n".join(filter(None, lines))


def about_sending(sending: Sending, answer: Explanation) -> str:
    """Return what of an album or a video was read; nothing for a single photo."""
    moments = answer.reading.moments
    video = texts.VIDEO_READ.format(count=moments) if moments > 1 else ""
    return "\n".join(filter(None, [video, _about_album(sending, answer)]))


def _about_album(sending: Sending, answer: Explanation | SeveralFaces) -> str:
    count = len(sending.file_ids)
    read = texts.ALBUM_READ.format(count=count, number=answer.photo + 1) if count > 1 else ""
    passed_over = texts.VIDEOS_PASSED_OVER if sending.passed_over else ""
    return " ".join(filter(None, [read, passed_over]))


def unreadable(sending: Sending, error: VisionError) -> str:
    """Return why nothing of what was sent could be read."""
    if sending.kind == "sticker" and isinstance(error, NoFaceFound):
        return texts.STICKER_WITHOUT_FACE
    why = texts.explain_error(error)
    count = len(sending.file_ids)
    return why if count == 1 else texts.ALBUM_UNREADABLE.format(count=count, why=why)


def corrected_caption(emotion: str) -> str:
    """Return what stands under the picture once its person has said what is right."""
    return (
        f"You say: <b>{texts.ADJECTIVES[emotion]}</b> {texts.EMOTION_EMOJI[emotion]}. Thank you."
    )


def playlist_text(saved: SavedPlaylist, *, url: str | None, notice: str = "") -> str:
    """Return a playlist as a message: what it is for, then a line and a reason for each track.

    Args:
        saved: The playlist.
        url: Where it stands in Spotify, if it does.
        notice: A sentence about what did not work, already markup.
    """
    title = f"{texts.EMOTION_EMOJI[saved.emotion]} {saved.emotion.capitalize()}"
    heading = f"<b>{title} · {texts.MODE_LABELS[saved.mode]}</b>"
    if url:
        heading = f'<b><a href="{escape(url)}">{title} · {texts.MODE_LABELS[saved.mode]}</a></b>'
    head = f"{heading}\n{len(saved.tracks)} tracks: {meaning(saved.emotion, saved.mode)}."
    if any(track.invented for track in saved.tracks):
        head += "\n<i>These tracks are invented: no real catalogue has been imported.</i>"
    if notice:
        head += f"\n{notice}"
    for layout in _LAYOUTS:
        lines = [_track_line(track, layout) for track in saved.tracks]
        text = f"{head}\n\n" + "\n".join(lines)
        if visible_chars(text) <= MESSAGE_CHARS:
            break
    return text


def playlist_name(emotion: str, mode: str) -> str:
    """Return the name of the playlist in the listener's account."""
    return f"Mirrortape: {emotion} · {mode}"


def playlist_description(emotion: str, mode: str, day: str) -> str:
    """Return the description of the playlist in the listener's account."""
    feeling = texts.ADJECTIVES[emotion]
    return f"Made by Mirrortape on {day}, feeling {feeling}: {meaning(emotion, mode)}."


def files_caption(saved: SavedPlaylist) -> str:
    """Return what stands under a playlist that was sent as files."""
    if any(track.invented for track in saved.tracks):
        return f"{texts.AS_FILES} {texts.FILES_OF_INVENTED}"
    return texts.AS_FILES


def in_spotify(saved: SavedPlaylist, url: str) -> str:
    """Return what tells a user that a playlist which waited is in Spotify now."""
    name = escape(playlist_name(saved.emotion, saved.mode))
    return texts.IN_SPOTIFY.format(url=escape(url), name=name)


def meaning(emotion: str, mode: str) -> str:
    """Return what the music of a playlist does."""
    if mode == "lift" and GOALS[emotion] == STARTS[emotion]:
        return texts.MODE_HOLDS
    return texts.MODE_MEANINGS[mode]


def _track_line(track: ShownTrack, layout: _Layout) -> str:
    number = f"{track.position + 1}."
    title = escape(short(track.title, layout.title))
    if not track.invented:
        title = f'<a href="{escape(track.url)}">{title}</a>'
    line = f"{number} {title} · {escape(short(track.artist, layout.artist))}"
    if track.invented:
        line += " (invented)"
    return f"{line}\n    <i>{escape(track.reason)}</i>" if layout.has_reasons else line


def short(text: str, limit: int) -> str:
    """Cut a text to so many UTF-16 code units."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * limit:
        return text
    return units[: 2 * (limit - 1)].decode("utf-16-le", errors="ignore").rstrip() + "…"


def felt(pair: MoodPair) -> str:
    """Return what answers how somebody feels after a playlist."""
    before, after = (
        f"<b>{texts.ADJECTIVES[emotion]}</b> {texts.EMOTION_EMOJI[emotion]}"
        for emotion in (pair.emotion_before, pair.after)
    )
    return texts.FELT.format(before=before, after=after)


def voted(track: ShownTrack, *, liked: bool | None) -> str:
    """Return what answers a vote by words, which shows no buttons."""
    return f"<b>{escape(track.title)}</b>. {texts.VOTED[liked]}"


def consent(given: GivenConsent | None) -> str:
    """Return what /privacy says of a user's consent."""
    if given is None:
        return texts.LACKS_CONSENT
    told = texts.HAS_CONSENT if given.is_current else texts.OUTDATED_CONSENT
    return told.format(day=f"{given.given_utc:%-d %B %Y}", version=given.version)


def visible_chars(text: str) -> int:
    """Return how long Telegram finds a text: without markup, in UTF-16 code units."""
    return len(unescape(_TAG.sub("", text)).encode("utf-16-le")) // 2


def connected(name: str) -> str:
    """Return what tells a user that Spotify is connected, and as whom."""
    who = f" as <b>{escape(name)}</b>" if name else ""
    return f"✅ Your Spotify is connected{who}. Not you? /disconnect, then connect again."
