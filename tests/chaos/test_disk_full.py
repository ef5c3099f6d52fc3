"""The real bot on a disk that fills up: a small file system of its own, in memory (tmpfs).

It is the kernel that refuses there, as it does on any full disk. Where nothing may be mounted, the
test is skipped; tests/bot/test_full_disk.py has SQLite itself refuse.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot import texts
from tests.support.database_writers import faults
from tests.support.town import Town, town_in, wait_for

DISK_MB = 16
ANNA, BEN = 1, 2
TRACKS = 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    size = f"size={DISK_MB}m"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "none", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    (folder / "bot.log").symlink_to(tmp_path / "bot.log")  # which has room
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_up(folder: Path) -> Path:
    """Leave no byte free, and return the file that takes it all."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast


def told(town: Town, user_id: int, text: str) -> int:
    return sum(text in message.get("text", "") for message in town.heard(user_id))


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.chaos)])
def test_a_full_disk_is_told_and_nothing_is_lost(small_disk: Path, rounds: int) -> None:
    with town_in(small_disk) as town:
        for number in range(1, rounds + 1):
            ballast = fill_up(small_disk)
            for user_id in (ANNA, BEN):
                town.telegram.send_text(user_id, f"/mood sad {'and ' * 800} {number}")
                wait_for(lambda: told(town, user_id, texts.DISK_FULL) == number, "a refusal")  # noqa: B023
            health = httpx.get(f"http://{town.ops_address}/healthz")
            assert (health.status_code, health.json()["disk"]) == (503, False)
            if number % 2 == 0:  # and the machine goes down besides
                town.kill()
            assert os.statvfs(small_disk).f_bavail == 0
            ballast.unlink()
            assert faults(town.database, TRACKS) == []
            if number % 2 == 0:
                town.start()
            for user_id in (ANNA, BEN):
                wait_for(lambda: told(town, user_id, "20 tracks") == number, "a playlist")  # noqa: B023
            wait_for(town.has_handled_all, "all to be handled")
        assert faults(town.database, TRACKS) == []
        log = (small_disk / "bot.log").read_text()
    assert "the disk is full" in log
    assert "Traceback" not in log
    print(f"{rounds} times full: {2 * rounds} messages refused and answered later, file whole")
