"""Every handler, failed in each way at each call: all that `tests.test_every_failure` samples."""

import pytest

from tests.spotify_world import Server
from tests.test_every_failure import NAMES, try_each


@pytest.mark.chaos
@pytest.mark.parametrize(("handler", "name"), NAMES)
def test_whatever_fails_once_ends_as_usual(
    handler: str, name: str, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    extra = try_each(handler, name, server, tmp_path_factory, None)
    print(f"{name}: {dict(extra)}")
