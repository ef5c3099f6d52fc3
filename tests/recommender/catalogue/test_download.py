import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from recommender.catalogue.download import download
from recommender.errors import CatalogueUnreachable

BODY = b"a,b\n1,2\n" * 20_000


class Server(BaseHTTPRequestHandler):
    """Serves one file, and a few ways of failing to."""

    def do_GET(self) -> None:
        if self.path == "/absent.csv":
            self.send_error(404)
            return
        if self.path == "/slow.csv":
            threading.Event().wait(0.6)
        self.send_response(200)
        promised = len(BODY) * 2 if self.path == "/cut.csv" else len(BODY)
        if self.path != "/unknown.csv":
            self.send_header("Content-Length", str(promised))
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # some do not wait for it
            self.wfile.write(BODY)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("name", "total"), [("songs.csv", len(BODY)), ("unknown.csv", 0)])
def test_a_file_arrives_with_its_progress(
    address: str, tmp_path: Path, name: str, total: int
) -> None:
    seen: list[tuple[int, int]] = []
    target = tmp_path / name
    download(f"{address}/{name}", target, lambda done, of: seen.append((done, of)))
    assert target.read_bytes() == BODY
    assert len(seen) > 1
    assert seen[-1] == (len(BODY), total)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent.csv", "the server answers 404 Not Found"),
        ("cut.csv", "more expected"),
        ("slow.csv", "timed out"),
    ],
)
def test_what_does_not_arrive_says_why(
    address: str, tmp_path: Path, name: str, words: str
) -> None:
    with pytest.raises(CatalogueUnreachable, match=words) as error:
        download(f"{address}/{name}", tmp_path / name, timeout_s=0.3)
    assert "mirrortape catalogue import FILE.csv" in str(error.value)


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogueUnreachable, match="refused"):
        download("http://127.0.0.1:9/songs.csv", tmp_path / "songs.csv")


@pytest.mark.parametrize("url", ["", "songs.csv", "file:///etc/hosts", "ftp://host/songs.csv"])
def test_only_addresses_on_the_web_are_taken(tmp_path: Path, url: str) -> None:
    with pytest.raises(CatalogueUnreachable, match="no address of a file on the web"):
        download(url, tmp_path / "songs.csv")


def test_an_address_that_cannot_be_parsed(tmp_path: Path) -> None:
    with pytest.raises(CatalogueUnreachable, match="could not be downloaded"):
        download("http://[half/songs.csv", tmp_path / "songs.csv")
