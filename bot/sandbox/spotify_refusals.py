"""How the local Spotify's Web API says no."""

from typing import Any

from starlette.responses import JSONResponse, Response

from bot.sandbox.spotify_state import Fault


class ApiRefusal(Exception):
    """A request that is answered with an error.

    Args:
        status: The HTTP status.
        message: What the body says.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


def refusal_response(refusal: ApiRefusal) -> Response:
    """Return a refusal as Spotify's error object."""
    return _error(refusal.status, refusal.message)


def fault_response(fault: Fault) -> Response:
    """Return what an injected fault answers."""
    message = "API rate limit exceeded" if fault.status == 429 else "Injected fault"
    response = _error(fault.status, message, fault.reason)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    return response


def _error(status: int, message: str, reason: str | None = None) -> Response:
    error: dict[str, Any] = {"status": status, "message": message}
    if reason is not None:
        error["reason"] = reason
    return JSONResponse({"error": error}, status_code=status)
