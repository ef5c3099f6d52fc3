"""A program on a pseudo-terminal, which a test reads and types into."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 60
PRESS_AGAIN_S = 5

# Takes the pseudo-terminal as its own, so that Ctrl-C and hidden questions work as for a person.
_OWN_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class PseudoTerminal:
    """Runs the command line in the present folder.

    Args:
        words: What is typed after `mirrortape`.
    """

    def __init__(self, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "bot", *words]
        root = str(Path(__file__).resolve().parents[2])
        self._program = subprocess.Popen(
            [sys.executable, "-c", _OWN_TERMINAL, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "PYTHONPATH": root, "TERM": "xterm", "COLUMNS": "100"},
        )
        os.close(theirs)
        self.said = ""

    def wait_for(self, text: str) -> None:
        """Read until a text has come since the last question was answered."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.said:
            assert self._read(deadline - time.monotonic()), f"{text!r} never came: {self.said}"

    def answer(self, question: str, text: str) -> None:
        """Wait for a question and type the answer to it."""
        self.wait_for(question)
        self.said = ""
        self.type(f"{text}\n")

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._ours, text.encode())

    def close(self) -> None:
        """End the program, if a test has failed before it could."""
        self._program.kill()
        self._program.wait()

    def stop(self, keys: str) -> tuple[int, str]:
        """Press keys that stop the program, again where it was not yet listening; see `end`."""
        deadline = time.monotonic() + PATIENCE_S
        while self._program.poll() is None and time.monotonic() < deadline:
            self.type(keys)
            with suppress(subprocess.TimeoutExpired):
                self._program.wait(PRESS_AGAIN_S)
        return self.end()

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and what was said since the last answer."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read(deadline - time.monotonic()):
            pass
        os.close(self._ours)
        return self._program.wait(PATIENCE_S), self.said

    def _read(self, seconds: float) -> bool:
        """Read what has come; return whether more may come."""
        if not select.select([self._ours], [], [], max(seconds, 0))[0]:
            return False
        try:
            came = os.read(self._ours, 65536)
        except OSError:  # how Linux says that nobody writes any more
            return False
        self.said += _COLOURS.sub("", came.decode(errors="replace")).replace("\r\n", "\n")
        return bool(came)
