"""/connect, /disconnect, and saving a playlist to Spotify."""

from html import escape

from telegram import Bot, Update
from telegram.ext import ApplicationHandlerStop, ContextTypes

from bot import texts
from bot.chat.connect import keyboards, messages
from bot.chat.connect.pasted import PastedAddress, read_address, read_client_id, read_digits
from bot.chat.html_text import shorten
from bot.chat.playlist_messages import PlaylistMessages
from bot.chat.replies import pressed, say, sender, toast
from bot.current_update import earlier, first_found, insisting
from bot.linking.connections import Connections
from bot.linking.oauth import CONNECTED
from bot.playlists.playlists import Playlists
from bot.services import Services
from recommender.errors import AuthorizationStale, RecommenderError, SpotifyRefused, WrongDigits

Context = ContextTypes.DEFAULT_TYPE

OWNERS_APP = "default"
"""Typed instead of a client id, it means the bot owner's app."""

_TOLD = "told why not connected"

SITE_CHARS = 60
"""How much of a wrong site's name is repeated."""


class Connecting:
    """Connects and disconnects accounts."""

    def __init__(
        self, services: Services, playlists: Playlists, playlist_messages: PlaylistMessages
    ) -> None:
        self._services = services
        self._playlists = playlists
        self._playlist_messages = playlist_messages

    # -- there --

    async def connect(self, update: Update, context: Context) -> None:
        """Offer a link to Spotify's consent page, for the user's own app if they name one."""
        user_id, connections = sender(update), self._services.connections
        if connections is None:
            await say(context.bot, user_id, texts.CONNECT_UNAVAILABLE)
            return
        words = " ".join(context.args or [])
        if words and await self._finish(context.bot, user_id, words):
            return
        if words and not await self._choose_app(context.bot, user_id, words):
            return
        await self._offer(context.bot, connections, user_id)

    async def _offer(self, bot: Bot, connections: Connections, user_id: int) -> None:
        """Show the button to the consent page, and explain how to come back from it."""
        is_connected = await connections.is_connected(user_id)
        parts = [texts.ALREADY_CONNECTED if is_connected else texts.CONNECT]
        client_id = await connections.oauth.app_of(user_id)
        if client_id:
            parts[0] += " " + texts.BY_OWN_APP.format(client_id=client_id)
        back = texts.BACK_BY_DIGITS if connections.shows_digits else texts.BACK_BY_ADDRESS
        parts.append(back.format(redirect_uri=escape(connections.redirect_uri)))
        url = await connections.oauth.begin(user_id)
        await say(bot, user_id, "\n\n".join(parts), keyboards.connect(url))

    async def _choose_app(self, bot: Bot, user_id: int, words: str) -> bool:
        """Store which app the user connects with; return whether the words named one."""
        connections = self._services.connections
        assert connections is not None
        client_id = "" if words.lower() == OWNERS_APP else read_client_id(words)
        if client_id is None:
            await say(bot, user_id, texts.BAD_CLIENT_ID)
            return False
        await connections.oauth.use_app(user_id, client_id)
        noted = texts.OWN_APP if client_id else texts.OWNERS_APP
        redirect_uri = escape(connections.redirect_uri)
        await say(bot, user_id, noted.format(client_id=client_id, redirect_uri=redirect_uri))
        return True

    # -- and back --

    async def arrived(self, bot: Bot, user_id: int) -> None:
        """Ask for the six digits that the callback page shows."""
        if self._services.guests.admits(user_id):
            with insisting():
                await say(bot, user_id, texts.TYPE_DIGITS)

    async def answered(self, update: Update, context: Context) -> None:
        """Take six digits or a pasted address; pass on any other message."""
        message = update.effective_message
        assert message is not None
        if await self._finish(context.bot, sender(update), message.text or ""):
            raise ApplicationHandlerStop

    async def _finish(self, bot: Bot, user_id: int, words: str) -> bool:
        """Connect the user if the text is a way to; return whether it was meant as one."""
        connections = self._services.connections
        if connections is None:
            return False
        if earlier(_TOLD) is not None:
            return True
        if earlier(CONNECTED) is not None:
            await self.connected(bot, user_id)
            return True
        digits = read_digits(words)
        if digits is not None:
            return await self._finish_typed(bot, connections, user_id, digits)
        address = read_address(words, connections.redirect_uri)
        if address is not None:
            return await self._finish_pasted(bot, connections, user_id, address)
        return False

    async def _finish_typed(
        self, bot: Bot, connections: Connections, user_id: int, digits: str
    ) -> bool:
        """Connect the user if these are the page's digits; return whether any are awaited."""
        try:
            if not await connections.oauth.finish_typed(user_id, digits):
                return False
        except WrongDigits as error:
            await self._tell(bot, user_id, texts.wrong_digits(error.tries_left))
        except AuthorizationStale:
            await self._tell(bot, user_id, texts.DIGITS_TOO_OLD)
        except RecommenderError as error:
            await self._tell(bot, user_id, await self._why_not(connections, user_id, error))
        else:
            await self.connected(bot, user_id)
        return True

    async def _finish_pasted(
        self, bot: Bot, connections: Connections, user_id: int, address: PastedAddress
    ) -> bool:
        """Connect the user by a pasted address; return whether it was meant as one."""
        if not address.is_ours:
            if not await connections.oauth.is_under_way(user_id):
                return False
            told = texts.ADDRESS_OF_ANOTHER_SITE.format(
                site=escape(shorten(address.site, SITE_CHARS)),
                redirect_uri=escape(connections.redirect_uri),
            )
            await self._tell(bot, user_id, told)
        elif not address.is_complete:
            await self._tell(bot, user_id, texts.ADDRESS_INCOMPLETE)
        else:
            try:
                await connections.oauth.finish_pasted(user_id, address.query)
            except RecommenderError as error:
                await self._tell(bot, user_id, await self._why_not(connections, user_id, error))
            else:
                await self.connected(bot, user_id)
        return True

    async def _tell(self, bot: Bot, user_id: int, text: str) -> None:
        """Say why the user is not connected. A retry must not: their address is used by then."""
        first_found(_TOLD, 1)
        await say(bot, user_id, text)

    async def _why_not(
        self, connections: Connections, user_id: int, error: RecommenderError
    ) -> str:
        """Return why the user's account cannot be connected."""
        client_id = await connections.oauth.app_of(user_id)
        if client_id and isinstance(error, SpotifyRefused):
            return texts.OWN_APP_REFUSED.format(client_id=client_id)
        is_stale = isinstance(error, AuthorizationStale)
        if is_stale and await connections.is_connected(user_id):
            return texts.ADDRESS_USED
        return texts.explain_connect_error(error)

    async def connected(self, bot: Bot, user_id: int) -> None:
        """Say which account is connected, and publish the playlist that waited for it."""
        if not self._services.guests.admits(user_id):
            return
        with insisting():  # the user comes back from the page only once
            await self._welcome(bot, user_id)

    async def _welcome(self, bot: Bot, user_id: int) -> None:
        profile = await self._services.records.run(lambda s: s.spotify.profile(user_id))
        await say(bot, user_id, messages.connected(profile.display_name if profile else ""))
        await self._playlist_messages.publish_pending(bot, user_id)

    # -- once connected --

    async def reconnect(self, update: Update, context: Context) -> None:
        """Offer a fresh link, from the button under a reminder."""
        query, _ = pressed(update)
        await toast(query)
        await self.connect(update, context)

    async def disconnect(self, update: Update, context: Context) -> None:
        """Delete the tokens of the user's account."""
        user_id, connections = sender(update), self._services.connections
        was_connected = 0
        if connections is not None:
            is_connected = await connections.is_connected(user_id)
            was_connected = await self._services.records.once(
                "was connected", lambda _: is_connected
            )
            await connections.disconnect(user_id)  # also stops a connection in progress
        told = texts.DISCONNECTED if was_connected else texts.NOT_CONNECTED
        await say(context.bot, user_id, told)

    async def save(self, update: Update, context: Context) -> None:
        """Publish a playlist to Spotify, or offer to connect first."""
        query, (playlist_id,) = pressed(update)
        saved = await self._playlist_messages.find(update, playlist_id)
        if saved is None:
            return
        await toast(query)
        message_id = query.message.message_id if query.message else None
        published = await self._playlists.publisher.save(saved)
        if published.url is None and not published.notice:
            await self.connect(update, context)
        elif message_id is not None:
            await self._playlist_messages.show(context.bot, published, message_id)
            await self._playlist_messages.correct_stale(context.bot, saved.user_id)
