"""What a playlist is called in the listener's account, and what its music does, in words."""

from bot import texts


def playlist_name(emotion: str, mode: str) -> str:
    """Return a playlist's title in the listener's account."""
    return f"Mirrortape: {emotion} · {mode}"


def playlist_description(emotion: str, mode: str, day: str) -> str:
    """Return a playlist's description in the listener's account."""
    feeling = texts.ADJECTIVES[emotion]
    return f"Made by Mirrortape on {day}, feeling {feeling}: {meaning(mode)}."


def meaning(mode: str) -> str:
    """Return what the music of a playlist does, as part of a sentence."""
    return texts.MODE_MEANINGS[mode]
