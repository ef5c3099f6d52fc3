"""The keys that encrypt the user data."""

import hashlib

from cryptography.fernet import Fernet, MultiFernet

from bot.settings import NotReady, Settings

_HOW_TO_MAKE_ONE = "Make one with `mirrortape setup`, or as .env.example says."


def cipher(settings: Settings) -> MultiFernet:
    """Return the cipher for the user data: the first key encrypts, all keys decrypt.

    Raises:
        NotReady: `SECRET_KEY` is missing or holds an invalid key.
    """
    keys = _keys(settings)
    if not keys:
        raise NotReady(f"SECRET_KEY is empty. {_HOW_TO_MAKE_ONE}")
    fernets = []
    for number, key in enumerate(keys, start=1):
        try:
            fernets.append(Fernet(key))
        except ValueError as error:
            which = "SECRET_KEY" if len(keys) == 1 else f"Key {number} of SECRET_KEY"
            raise NotReady(f"{which} is not a complete key. {_HOW_TO_MAKE_ONE}") from error
    return MultiFernet(fernets)


def fingerprint(settings: Settings) -> str:
    """Return a hash that identifies the key that encrypts."""
    return hashlib.sha256(_keys(settings)[0].encode()).hexdigest()


def valid_keys(settings: Settings) -> list[str]:
    """Return the valid keys."""
    return [key for key in _keys(settings) if _is_key(key)]


def _keys(settings: Settings) -> list[str]:
    parts = settings.secret_key.get_secret_value().split(",")
    return [key for part in parts if (key := part.strip())]


def _is_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True
