"""How the local Spotify's Web API says no."""

from starlette.responses import JSONResponse, Response


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
    error = {"status": refusal.status, "message": refusal.message}
    return JSONResponse({"error": error}, status_code=refusal.status)
