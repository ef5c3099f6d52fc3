"""Protects state-changing requests from other sites (CSRF, DNS rebinding)."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


class SameOriginOnly:
    """Lets through only the chat page itself, and programs other than browsers."""

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
    """Return whether a request comes from another site's page, or names a foreign host.

    Another site can make a browser send requests here, or point its own host name at this
    computer; the Origin and Host headers show both.
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
