"""The messages about a photo, album or video and its reading, as Telegram's HTML."""

from collections.abc import Mapping
from html import escape
from math import exp

from bot import texts
from bot.chat.heard import counted
from bot.chat.media import Media
from bot.chat.mood_words import NOTHING, Heard
from vision import Explanation, NoFaceFound, Reading, SeveralFaces, VisionError, percent

SURE_FROM = 0.5
"""Below this probability the bot asks instead of claiming: there the network is wrong more often
than right (0.52 on PublicTest, 0.49 to 0.56; `mirrortape evaluate` prints it)."""


def reading_caption(
    reading: Reading,
    weighed: Mapping[str, float] | None = None,
    answers: int = 0,
    heard: Heard = NOTHING,
    about: str = "",
) -> str:
    """Return the caption of the picture.

    Args:
        reading: The network's reading, which the picture shows.
        weighed: The probabilities, adjusted by the user's earlier answers and their caption.
        answers: How many earlier answers counted.
        heard: What counted of the caption.
        about: Which of several photos or moments was read; empty for a single photo.
    """
    weighed = weighed or reading.probabilities
    (emotion, share), (other, other_share) = told = _two_likeliest(weighed)
    best = f"<b>{texts.ADJECTIVES[emotion]}</b> ({share})"
    if is_sure(weighed):
        told = told[:1]
        emoji, sureness = texts.EMOTION_EMOJI[emotion], _sureness(weighed[emotion])
        lines = [texts.YOU_LOOK.format(emotion=best, emoji=emoji, sureness=sureness)]
    else:
        second = f"<b>{texts.ADJECTIVES[other]}</b> ({other_share})"
        lines = [texts.NOT_SURE.format(first=best, second=second)]
    if heard:
        lines.append(f"{counted(heard)} {_what_words_did(weighed, heard)}")
    network = _two_likeliest(reading.probabilities)
    if told != network[: len(told)]:  # else the picture shows the same
        lines.append(_weighed(answers, *network[0]))
    if about:
        lines.append(about)
    if reading.faces > 1 and not reading.is_chosen:
        lines.append(texts.LARGEST_FACE.format(count=reading.faces))
    if reading.covered != "none":
        lines.append(texts.COVERED[reading.covered])
    elif reading.eyes_found == "estimated":
        lines.append(texts.EYES_ESTIMATED)
    return "\n".join(lines)


def _what_words_did(weighed: Mapping[str, float], heard: Heard) -> str:
    """Return whether the caption changed the mood, and if not, why."""
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
    """Return whether a reading is sure enough to state it instead of asking."""
    return max(probabilities.values()) >= SURE_FROM


def _sureness(probability: float) -> str:
    """Return how sure a reading is, in words."""
    return next(words for least, words in texts.SURENESS if probability >= least)


def _two_likeliest(probabilities: Mapping[str, float]) -> list[tuple[str, str]]:
    """Return the two most probable emotions and their percentages, the likelier first."""
    likeliest = sorted(probabilities.items(), key=lambda item: -item[1])[:2]
    return [(emotion, escape(percent(probability))) for emotion, probability in likeliest]


def _weighed(answers: int, emotion: str, share: str) -> str:
    """Return why the caption differs from the picture, which shows `emotion`."""
    earlier = "answer" if answers == 1 else f"{answers} answers"
    weighed = texts.WEIGHED.format(answers=earlier) if answers else ""
    alone = texts.NETWORK_ALONE.format(emotion=texts.ADJECTIVES[emotion], share=share)
    return " ".join(filter(None, [weighed, alone]))


def status(media: Media) -> str:
    """Return the status message while something is being read."""
    if media.kind == "video":
        return texts.STATUS_VIDEO
    count = len(media.file_ids)
    return texts.STATUS_READING if count == 1 else texts.STATUS_ALBUM.format(count=count)


def whose_mood(media: Media, answer: SeveralFaces) -> str:
    """Return the question under the picture with numbered faces."""
    lines = [texts.WHOSE_MOOD.format(count=answer.count), _about_album(media, answer)]
    return "\n".join(filter(None, lines))


def about_media(media: Media, answer: Explanation) -> str:
    """Return which part of an album or video was read; empty for a single photo."""
    moments = answer.reading.moments
    video = texts.VIDEO_READ.format(count=moments) if moments > 1 else ""
    return "\n".join(filter(None, [video, _about_album(media, answer)]))


def _about_album(media: Media, answer: Explanation | SeveralFaces) -> str:
    count = len(media.file_ids)
    read = texts.ALBUM_READ.format(count=count, number=answer.photo + 1) if count > 1 else ""
    passed_over = texts.VIDEOS_PASSED_OVER if media.passed_over else ""
    return " ".join(filter(None, [read, passed_over]))


def unreadable(media: Media, error: VisionError) -> str:
    """Return why nothing could be read."""
    if media.kind == "sticker" and isinstance(error, NoFaceFound):
        return texts.STICKER_WITHOUT_FACE
    why = texts.explain_error(error)
    count = len(media.file_ids)
    return why if count == 1 else texts.ALBUM_UNREADABLE.format(count=count, why=why)


def corrected_caption(emotion: str) -> str:
    """Return the caption of the picture after its user corrected the reading."""
    return texts.CORRECTED.format(
        emotion=texts.ADJECTIVES[emotion], emoji=texts.EMOTION_EMOJI[emotion]
    )
