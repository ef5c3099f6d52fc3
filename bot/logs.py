"""Logging: ours at the level that was set, third parties' no louder than warnings."""

import logging

QUIET = (
    "httpx",
    "httpcore",
    "spotipy",
    "telegram",
    "urllib3",
    "uvicorn",
    "asyncio",
    "PIL",
    "apscheduler",
)
"""At INFO or DEBUG some of these print tokens, others every request or job."""


def set_up_logging(level: str) -> None:
    """Log to stderr from `level` on."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
