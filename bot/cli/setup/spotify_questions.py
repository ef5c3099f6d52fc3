"""The set-up's questions about Spotify: the redirect URI and the app."""

from collections.abc import Callable
from datetime import datetime

from bot.chat.connect.pasted import read_client_id
from bot.cli.doctor.checks import refusal_to_listen
from bot.cli.doctor.service_checks import app_state
from bot.cli.setup.answers import Answers, SetupStopped
from bot.cli.setup.terminal import Terminal
from bot.runtime.database_lock import is_running
from bot.settings import NotReady, check_redirect, check_webhook, host_and_port
from recommender.errors import SpotifyBusy
from recommender.services.spotify.app_check import AppState

NONE = "none"
"""What to type for no address or no app."""

APP_STEPS = (
    "Log in at https://developer.spotify.com/dashboard with a Premium account, and Create app.",
    "Under Redirect URIs put the address above, letter for letter, and Add it.",
    "Choose Web API, accept the terms, and Save.",
    "Under User Management add everybody who will connect: five people at most.",
    "Copy the Client ID from the app's settings. The secret is not needed.",
)


class SpotifyQuestions:
    """Asks for the public address and for the app.

    Args:
        terminal: Asks and reports.
        answers: Stores the answers.
        clock: Returns the time now, in UTC.
    """

    def __init__(
        self, terminal: Terminal, answers: Answers, clock: Callable[[], datetime]
    ) -> None:
        self._terminal = terminal
        self._answers = answers
        self._clock = clock

    def ask_redirect_uri(self) -> None:
        """Settle the redirect URI, and show it.

        Raises:
            SetupStopped: There is no free port for the page.
        """
        self._terminal.section(
            "3 · The way back from Spotify",
            "Whoever agrees at Spotify is sent back to this bot. Is there a public HTTPS address "
            "that leads here? Then people type six digits. If there is none, Enter: then they "
            "paste an address into the chat, and at this computer need not even that.",
        )
        self._public_url()
        self._ports()
        self._terminal.good("The redirect URI:")
        self._terminal.show(self._answers.settings.redirect_uri)

    def _public_url(self) -> None:
        known = self._answers.settings.public_url
        while True:
            typed = self._terminal.ask("Public address", default=known or NONE)
            url = "" if typed.lower() == NONE else typed.rstrip("/")
            asked = {"public_url": url, "spotify_redirect_uri": ""}
            try:
                checked = self._answers.settings.model_copy(update=asked)
                check_redirect(checked)
                check_webhook(checked)
            except NotReady as error:
                self._terminal.bad(str(error))
                continue
            break
        if url and url != known:
            self._answers.set("PUBLIC_URL", url)
        elif known and not url:
            self._answers.set_aside("PUBLIC_URL", "is a comment now")
        try:
            check_redirect(self._answers.settings)
        except NotReady:
            self._answers.set_aside(
                "SPOTIFY_REDIRECT_URI", "does not go with that, and is a comment now"
            )

    def _ports(self) -> None:
        """Find free ports for the callback page and the health page."""
        if is_running(self._answers.settings.data_dir / "mirrortape.db"):
            return
        self._settle_port("WEB_ADDRESS", other="OPS_ADDRESS")
        self._settle_port("OPS_ADDRESS", other="WEB_ADDRESS")

    def _settle_port(self, name: str, other: str) -> None:
        """Ask for another port while the one of a setting is taken."""
        host, given = host_and_port(self._address(name))
        _, others = host_and_port(self._address(other))
        port, nearby = given, range(given + 1, given + 100)

        def refusal(port: int) -> str:
            return f"{other} has it" if port == others else refusal_to_listen(f"{host}:{port}")

        while why := refusal(port):
            free = next((near for near in nearby if not refusal(near)), None)
            if free is None:
                raise SetupStopped(f"{name} {host}:{given} cannot be used: {why}.")
            self._terminal.bad(f"{host}:{port} cannot be used: {why}.")
            typed = self._terminal.ask("Another port", default=str(free))
            port = int(typed) if typed.isdecimal() else port
        if port != given:
            self._answers.set(name, f"{host}:{port}")

    def _address(self, name: str) -> str:
        return str(getattr(self._answers.settings, name.lower()))

    def ask_app(self) -> None:
        """Ask for an app that Spotify knows, or none."""
        known = self._answers.settings.spotify_client_id
        self._terminal.section(
            "4 · Spotify",
            "" if known else "An app of yours lets playlists land in people's Spotify.",
            steps=() if known else APP_STEPS,
        )
        while True:
            typed = self._terminal.ask("Client ID", default=known or NONE)
            if typed.lower() == NONE:
                if known:
                    self._answers.set_aside("SPOTIFY_CLIENT_ID", "is a comment now")
                return
            client_id = read_client_id(typed)
            if client_id is None:
                self._terminal.bad(
                    "That is no client id. It has 32 characters, 0 to 9 and a to f."
                )
            elif self._takes(client_id):
                if client_id != known:
                    self._answers.set("SPOTIFY_CLIENT_ID", client_id)
                return

    def _takes(self, client_id: str) -> bool:
        """Return whether an app can be used, as far as that shows without a user."""
        try:
            with self._terminal.waiting("Asking Spotify ..."):
                state = app_state(self._answers.settings, client_id, self._clock())
        except SpotifyBusy:
            self._terminal.note(
                "Spotify cannot be reached, so the app was not checked. `mirrortape doctor` does "
                "it later."
            )
            return True
        if state is AppState.UNKNOWN:
            self._terminal.bad("Spotify knows no such app. Copy the Client ID, not the secret.")
            return False
        if state is AppState.WRONG_SECRET:  # so it knows the app
            self._answers.set_aside(
                "SPOTIFY_CLIENT_SECRET", "is not this app's; it is not needed, and a comment now"
            )
        if state is AppState.UNCLEAR:
            self._terminal.note("Spotify answered, but not whether it knows the app.")
        else:
            self._terminal.good("Spotify knows the app.")
        self._terminal.note(
            "Its redirect URI and its users show only when somebody connects: send /connect."
        )
        return True
