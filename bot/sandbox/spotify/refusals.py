"""Errors of the local Spotify's Web API."""

from starlette.responses import JSONResponse, Response


class ApiRefusal(Exception):
    """A request that gets an error as its answer.

    Args:
        status: The HTTP status.
        message: The message in the body.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


def refusal_response(refusal: ApiRefusal) -> Response:
    """Return the response with Spotify's error object."""
    error = {"status": refusal.status, "message": refusal.message}
    return JSONResponse({"error": error}, status_code=refusal.status)
