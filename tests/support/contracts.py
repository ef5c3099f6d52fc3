"""Where the descriptions of the services' APIs are, on machines that have them."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = (ROOT / os.environ.get("MIRRORTAPE_CONTRACTS", "../shared/contracts")).resolve()
