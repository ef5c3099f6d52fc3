"""The user's own Spotify, as the chat sees it: /connect, /disconnect, saving a playlist."""

from html import escape

from telegram import Bot, Update
from telegram.ext import ContextTypes

from bot import keyboards, messages, texts
from bot.playlists import Playlists
from bot.replies import pressed, say, sender, toast
from bot.services import Services

Context = ContextTypes.DEFAULT_TYPE


class Connecting:
    """Connects accounts and writes what waited for one."""

    def __init__(self, services: Services, playlists: Playlists) -> None:
        self._services = services
        self._playlists = playlists

    async def connect(self, update: Update, context: Context) -> None:
        """Offer the way to Spotify's consent page."""
        user_id, connections = sender(update), self._services.connections
        if connections is None:
            await say(context.bot, user_id, texts.CONNECT_UNAVAILABLE)
            return
        is_connected = await connections.is_connected(user_id)
        text = texts.ALREADY_CONNECTED if is_connected else texts.CONNECT
        url = await connections.begin(user_id)
        await say(context.bot, user_id, text, keyboards.connect(url))

    async def disconnect(self, update: Update, context: Context) -> None:
        """Delete the key to the user's Spotify."""
        user_id, connections = sender(update), self._services.connections
        if connections is not None and await connections.is_connected(user_id):
            await connections.disconnect(user_id)
            await say(context.bot, user_id, texts.DISCONNECTED)
        else:
            await say(context.bot, user_id, texts.NOT_CONNECTED)

    async def save(self, update: Update, context: Context) -> None:
        """Write a playlist to Spotify, or offer to connect first."""
        query, (playlist_id,) = pressed(update)
        saved = await self._playlists.find(update, int(playlist_id))
        if saved is None:
            return
        await toast(query)
        url, notice = await self._playlists.write(saved)
        if url is None and not notice:
            await self.connect(update, context)
        elif query.message is not None:
            await self._playlists.show(context.bot, saved, query.message.message_id, url, notice)

    async def connected(self, bot: Bot, user_id: int) -> None:
        """Say which account is connected and write the playlist that waited for it."""
        profile = await self._services.records.run(lambda s: s.spotify.profile(user_id))
        await say(bot, user_id, messages.connected(profile.display_name if profile else ""))
        last = await self._services.records.run(lambda s: s.music.last_playlist(user_id))
        if last is None:
            return
        url, notice = await self._playlists.write(last)
        if url is not None:
            name = messages.playlist_name(last.emotion, last.mode)
            notice = texts.IN_SPOTIFY.format(url=escape(url), name=name)
        await say(bot, user_id, notice, keyboards.open_in_spotify(url) if url else None)
