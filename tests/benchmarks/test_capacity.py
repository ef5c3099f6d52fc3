import asyncio
import re
from pathlib import Path

import pytest

from tests.benchmarks.capacity import measure_year
from tests.support.songs import random_tracks, table_of


def test_days_of_a_listener_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    asyncio.run(measure_year(tmp_path, 2, table_of(random_tracks(300))))
    said = capsys.readouterr().out
    assert "2 days of a listener: 11 messages, " in said
    found = re.search(r"commits a day: ([\d.]+)", said)
    assert found is not None
    assert float(found[1]) > 5.5 * 3  # each message is received, begun and done with
    largest = re.search(r"^    (\w+) +(\d+) kB", said, re.M)
    assert largest is not None
    assert largest[1] == "shown"  # two days' three playlists
    assert int(largest[2]) > 20
