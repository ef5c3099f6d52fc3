"""A bot that could be started, for the tests of its web pages."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.invented import fill
from tests.support.first_run import OWNER, TOKEN, Operator


@pytest.fixture
def operator(operator: Operator, tmp_path: Path) -> Operator:
    """Somebody whose bot is set up and has music, and the local services."""
    operator.env.write_text(
        f"TELEGRAM_BOT_TOKEN={TOKEN}\nALLOWED_TELEGRAM_IDS={OWNER}\n"
        f"SECRET_KEY={Fernet.generate_key().decode()}\n"
    )
    catalogue = Catalogue(tmp_path / "data" / "catalogue.db")
    fill(catalogue, 1)
    catalogue.close()
    return operator
