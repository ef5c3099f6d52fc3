"""What tests share: where the development data lies."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of development data, or a skip with the reason."""
    folder = (ROOT / os.environ.get("MIRRORTAPE_DATA", "../shared/data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no development data: MIRRORTAPE_DATA names {folder}, which is no folder")
    return folder
