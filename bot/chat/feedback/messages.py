"""The answers to votes and ratings, as Telegram's HTML."""

from html import escape

from bot import texts
from recommender.listeners.mood_pairs import MoodPair
from recommender.listeners.saved import ShownTrack


def felt(pair: MoodPair) -> str:
    """Return the answer to how the user feels after a playlist."""
    before, after = (
        f"<b>{texts.ADJECTIVES[emotion]}</b> {texts.EMOTION_EMOJI[emotion]}"
        for emotion in (pair.emotion_before, pair.after)
    )
    return texts.FELT.format(before=before, after=after)


def voted(track: ShownTrack, *, liked: bool | None) -> str:
    """Return the answer to a vote in words, which shows no buttons."""
    return f"<b>{escape(track.title)}</b>. {texts.VOTED[liked]}"
