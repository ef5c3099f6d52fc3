"""Keeps other sites' pages away from what changes something here."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


class SameOriginOnly:
    """Lets only the page itself through, and programs on this computer that are no browser."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or refuse it."""
        if is_foreign(Headers(scope=scope)):
            refusal = {"error": "Only the chat page on this computer may do that."}
            await JSONResponse(refusal, status_code=403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def is_foreign(headers: Headers) -> bool:
    """Return whether a request was made by another site's page, or by a name for this computer.

    A page elsewhere can make a browser send requests here, and can give its own name this
    computer's address; browsers say both.
    """
    host = headers.get("host", "")
    try:
        hostname = urlsplit(f"//{host}").hostname
    except ValueError:
        return True
    return (
        hostname not in _HERE
        or headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        or headers.get("origin", f"http://{host}") != f"http://{host}"
    )
