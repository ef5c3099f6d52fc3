"""Downloads a published catalogue."""

import http.client
import urllib.error
import urllib.request
from pathlib import Path

from recommender.catalogue.csv_rows import OnProgress
from recommender.errors import CatalogueUnreachable

PUBLIC_CSV = (
    "https://raw.githubusercontent.com/rfordatascience/tidytuesday/HEAD"
    "/data/2020/2020-01-21/spotify_songs.csv"
)
"""28,000 tracks with audio features, published by the TidyTuesday project (8 MB)."""

TIMEOUT_S = 30.0
"""Timeout for connecting and for each read."""

_CHUNK_BYTES = 64 * 1024


def download(
    url: str, target: Path, on_progress: OnProgress | None = None, timeout_s: float = TIMEOUT_S
) -> None:
    """Download a file.

    Args:
        url: An http or https URL.
        target: Where to write the file.
        on_progress: Called with the bytes received and the total bytes, 0 if unknown.
        timeout_s: Seconds without data after which the download fails.

    Raises:
        CatalogueUnreachable: The URL is invalid, the server does not answer or answers with an
            error, or the download is incomplete.
    """
    if not url.startswith(("https://", "http://")):
        raise CatalogueUnreachable(f"{url} is no address of a file on the web")
    try:
        # the scheme was checked above, so no local file is opened
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:  # noqa: S310
            _save(answer, target, on_progress)
    except urllib.error.HTTPError as error:
        with error:  # closes the connection
            reason = f"the server answers {error.code} {error.reason}"
        raise CatalogueUnreachable(_failed(url, reason)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = str(getattr(error, "reason", "") or error)
        raise CatalogueUnreachable(_failed(url, reason)) from error


def _save(answer: http.client.HTTPResponse, target: Path, on_progress: OnProgress | None) -> None:
    total = int(answer.headers.get("Content-Length") or 0)
    done = 0
    with target.open("wb") as file:
        while chunk := answer.read(_CHUNK_BYTES):
            done += file.write(chunk)
            if on_progress is not None:
                on_progress(done, total)
    if done < total:
        raise http.client.IncompleteRead(b"", total - done)


def _failed(url: str, reason: str) -> str:
    return (
        f"{url} could not be downloaded ({reason}); check the connection, or download it with a "
        "browser and run `mirrortape catalogue import FILE.csv`"
    )
