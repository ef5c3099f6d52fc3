"""A fork server for bots: it has imported everything, and forks once for each folder it reads.

`mirrortape run` takes seconds to start, mostly for imports. A forked bot needs none of them, so
that it can be killed a hundred times within minutes. It is the real bot with the settings in the
folder's `.env`, but its vision worker answers at once and its timeout for Telegram is shorter.
"""

import asyncio
import io
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from bot import app
from bot.runtime import run as live
from bot.sending.bot_api import BotApiRequest
from bot.worker.process import VisionWorker
from tests.support.telegram.chatting import a_reading
from vision import Explanation

SILENCE_S = 1.5
"""The bot's timeout for an answer from Telegram."""


class InstantWorker(VisionWorker):
    """Gives the same reading for every photo."""

    def __init__(self) -> None:
        picture = io.BytesIO()
        Image.new("RGB", (64, 64), "teal").save(picture, "JPEG")
        self._answer = Explanation(a_reading(), picture.getvalue())

    async def start(self) -> None:
        """Nothing to load."""

    async def explain(self, photos: Sequence[bytes], face: int | None = None) -> Explanation:
        await asyncio.sleep(0.05)
        return self._answer

    def close(self) -> None:
        """Nothing to stop."""


def main() -> None:
    live.VisionWorker = InstantWorker
    app.BotApiRequest = partial(_with_short_timeout, BotApiRequest)
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _live(Path(line.strip()))
            os._exit(0)
        print(f"started {child}", flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)


def _live(folder: Path) -> None:
    os.chdir(folder)
    with Path("bot.log").open("a") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    asyncio.run(live.run_live())


def _with_short_timeout(kind: Any, **options: Any) -> Any:
    """Make requests with a shorter timeout than `build_bot` asks for, except long polls."""
    if options["read_timeout"] <= 30:
        options["read_timeout"] = SILENCE_S
    return kind(**options)


if __name__ == "__main__":
    main()
