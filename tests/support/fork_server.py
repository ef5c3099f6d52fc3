"""Gives birth to bots: a process that has imported everything and forks for each folder it reads.

`mirrortape run` takes seconds to start, mostly for imports. Born here it takes none of them, so
that it can be killed a hundred times within minutes. It is the real one, with the settings in the
folder's `.env`, but for a vision worker that answers at once, and for its patience with a silent
Telegram, which is shorter.
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
"""How long a bot waits for Telegram's answer."""


class InstantWorker(VisionWorker):
    """Reads the same in every photo."""

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
    app.BotApiRequest = partial(_impatient, BotApiRequest)
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _live(Path(line.strip()))
            os._exit(0)
        print(f"born {child}", flush=True)
        os.waitpid(child, 0)
        print("dead", flush=True)


def _live(folder: Path) -> None:
    os.chdir(folder)
    with Path("bot.log").open("a") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    asyncio.run(live.run_live())


def _impatient(kind: Any, **options: Any) -> Any:
    """Wait less for answers than `build_bot` says, but for those of long polls."""
    if options["read_timeout"] <= 30:
        options["read_timeout"] = SILENCE_S
    return kind(**options)


if __name__ == "__main__":
    main()
