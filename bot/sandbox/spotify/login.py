"""The local Spotify's OAuth server: the consent page and the token endpoint.

Authorization code with PKCE (RFC 6749, RFC 7636), with Spotify's restrictions: only S256, and
redirects only to HTTPS or a loopback IP. An unknown app or redirect URI gets an error page,
because redirecting would be unsafe; any other error goes back to the app as `error`.
"""

import base64
import binascii
import hashlib
import ipaddress
import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot.sandbox.spotify.faults import TOKEN
from bot.sandbox.spotify.pages import consent_page, notice_page, unopened_page
from bot.sandbox.spotify.state import ACCESS_LASTS, Grant, SpotifyState

SCOPES = {
    "playlist-read-private": "See your private playlists",
    "playlist-read-collaborative": "See the playlists you share with others",
    "playlist-modify-private": "Create and change your private playlists",
    "playlist-modify-public": "Create and change your public playlists",
    "ugc-image-upload": "Give your playlists a cover picture",
    "user-read-private": "See your kind of subscription",
    "user-read-email": "See your e-mail address",
    "user-library-read": "See what you saved",
    "user-library-modify": "Change what you saved",
}
"""The scopes that an app may request, and their meaning for the user."""

FIRST_NAME = "Demo listener"
NAME_CHARS = 40

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 in base64url, without padding


class Login:
    """The accounts service.

    Args:
        state: The local Spotify's memory.
    """

    def __init__(self, state: SpotifyState) -> None:
        self._state = state

    def routes(self) -> list[BaseRoute]:
        """Return the consent page and the token endpoint."""
        return [
            Route("/authorize", self._authorize, methods=["GET", "POST"]),
            Route(TOKEN, self._token, methods=["POST"]),
        ]

    async def _authorize(self, request: Request) -> Response:
        asked = request.query_params
        redirect_uri = asked.get("redirect_uri", "")
        client_id = asked.get("client_id", "")
        if not self._state.is_app(client_id):
            return notice_page("INVALID_CLIENT: Invalid client", 400)
        if not is_redirect_allowed(redirect_uri):
            return notice_page("INVALID_CLIENT: Insecure redirect URI", 400)
        error = _consent_error(asked)
        if error is not None:
            return _back(redirect_uri, asked, error=error)
        if request.method == "GET":
            return self._consent(asked, status=200, problem="")
        form = await request.form()
        if form.get("answer") not in ("agree", "phone"):
            return _back(redirect_uri, asked, error="access_denied")
        name = " ".join(str(form.get("name", "")).split())
        if not 0 < len(name) <= NAME_CHARS:
            return self._consent(
                asked, status=400, problem=f"Please give a name of 1 to {NAME_CHARS} characters."
            )
        code = self._state.issue_code(
            self._state.ensure_account(name),
            client_id,
            frozenset(asked.get("scope", "").split()),
            redirect_uri,
            asked["code_challenge"],
        )
        back = _back(redirect_uri, asked, code=code)
        return unopened_page(back.headers["Location"]) if form["answer"] == "phone" else back

    def _consent(self, asked: Mapping[str, str], status: int, problem: str) -> Response:
        names = [account.display_name for account in self._state.accounts.values()]
        return consent_page(
            meanings=[SCOPES[scope] for scope in asked.get("scope", "").split()],
            action=f"{self._state.base_url}/authorize?{urlencode(dict(asked))}",
            names=names,
            name=names[0] if names else FIRST_NAME,
            problem=problem,
            status=status,
            offers_phone=self._state.offers_phone,
        )

    async def _token(self, request: Request) -> Response:
        form = {key: str(value) for key, value in (await request.form()).items()}
        self._state.calls.append(("POST", TOKEN))
        fault = self._state.faults.hit("POST", TOKEN, after=False)
        if fault is not None:
            return await fault.answer(request)
        client_id = self._client(request, form)
        if client_id is None:
            return _refuse("invalid_client", "Invalid client")
        if form.get("grant_type") == "authorization_code":
            return self._exchange(form, client_id)
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form, client_id)
        return _refuse(
            "unsupported_grant_type", "grant_type must be authorization_code or refresh_token"
        )

    def _client(self, request: Request, form: Mapping[str, str]) -> str | None:
        """Return the client id of a request, checking its secret if it sent one."""
        header, client_id = request.headers.get("Authorization"), form.get("client_id", "")
        if header is None:
            return client_id if self._state.is_app(client_id) else None
        try:
            sent = base64.b64decode(header.removeprefix("Basic "), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        is_right = sent == f"{self._state.client_id}:{self._state.client_secret}"
        return self._state.client_id if is_right else None

    def _exchange(self, form: Mapping[str, str], client_id: str) -> Response:
        grant = self._state.codes.pop(form.get("code", ""), None)
        if grant is None or self._state.clock() >= grant.expires_utc:
            return _refuse("invalid_grant", "Invalid authorization code")
        if form.get("redirect_uri") != grant.redirect_uri:
            return _refuse("invalid_grant", "Invalid redirect URI")
        if client_id != grant.client_id:
            return _refuse("invalid_grant", "Invalid client id")
        if not secrets.compare_digest(_challenge(form.get("code_verifier", "")), grant.challenge):
            return _refuse("invalid_grant", "code_verifier was incorrect")
        return self._issue(grant)

    def _refresh(self, form: Mapping[str, str], client_id: str) -> Response:
        # Rotate the token: an app without a secret gets a new one each time.
        grant = self._state.refresh_tokens.pop(form.get("refresh_token", ""), None)
        if grant is None or client_id != grant.client_id:
            return _refuse("invalid_grant", "Invalid refresh token")
        if self._state.clock() >= grant.expires_utc:
            return _refuse("invalid_grant", "Refresh token expired")
        return self._issue(grant)

    def _issue(self, grant: Grant) -> Response:
        access, refresh = self._state.issue_tokens(grant)
        return JSONResponse(
            {
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": int(ACCESS_LASTS.total_seconds()),
                "refresh_token": refresh,
                "scope": " ".join(sorted(grant.scopes)),
            },
            headers={"Cache-Control": "no-store"},
        )


def is_redirect_allowed(uri: str) -> bool:
    """Return whether Spotify accepts this redirect URI: HTTPS, or HTTP to a loopback IP."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:  # brackets without an IPv6 address
        return False
    if not host or host == "localhost" or parts.fragment:
        return False
    if parts.scheme == "https":
        return True
    try:
        return parts.scheme == "http" and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _consent_error(asked: Mapping[str, str]) -> str | None:
    """Return the OAuth error code of an invalid consent request."""
    if asked.get("response_type") != "code":
        return "unsupported_response_type"
    if asked.get("code_challenge_method") != "S256":
        return "invalid_request"
    if not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        return "invalid_request"
    if not set(asked.get("scope", "").split()) <= SCOPES.keys():
        return "invalid_scope"
    return None


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _back(redirect_uri: str, asked: Mapping[str, str], **answer: str) -> Response:
    if "state" in asked:
        answer["state"] = asked["state"]
    mark = "&" if urlsplit(redirect_uri).query else "?"
    return RedirectResponse(f"{redirect_uri}{mark}{urlencode(answer)}", status_code=303)


def _refuse(error: str, description: str) -> Response:
    body = {"error": error, "error_description": description}
    return JSONResponse(body, status_code=400)
