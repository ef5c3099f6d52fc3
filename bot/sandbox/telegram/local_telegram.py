"""A local Telegram: what people do in it, and the Bot API.

Differences from the real one: no groups, no rate limits, only HTML and plain text, bots send only
photos and documents, photos are at most 1280 pixels, videos are not re-encoded, and webhooks and
URL buttons may lead to this computer.
"""

import secrets
from collections.abc import Sequence

from starlette.routing import BaseRoute

from bot.sandbox.telegram.entities import clean, find_entities, trim, utf16_length
from bot.sandbox.telegram.files import NotAPhoto, Shape, moves, photo_sizes
from bot.sandbox.telegram.local_chat import LocalChat
from bot.sandbox.telegram.refusals import MAX_CAPTION, MAX_TEXT, REACTIONS, Json
from bot.sandbox.telegram.routes import telegram_routes
from bot.sandbox.telegram.state import QUERY_LIFETIME_S, TelegramState, person


class ChatRefusal(Exception):
    """An action in the chat that is not possible; the message is for the person."""


class LocalTelegram(TelegramState):
    """One bot, any number of people, each in a private chat with it.

    Its methods may be called from any thread.

    Args:
        token: The bot's token; its part before the colon is the bot's id.
        clock: Returns the present time, with a time zone.
    """

    max_chats = 100
    """The most people there can be."""

    def routes(self) -> list[BaseRoute]:
        """Return the Bot API, to be mounted where `TELEGRAM_API_URL` points."""
        return telegram_routes(self)

    def close(self) -> None:
        """End all waiting requests; call this before stopping the server."""
        self.deliver_to("", "", None)
        self.bell.silence()

    def send_text(self, user_id: int, text: str, reply_to: int | None = None) -> Json:
        """Send a text and return the message."""
        text, _ = trim(clean(text), [])
        if not text:
            raise ChatRefusal("An empty message cannot be sent.")
        if utf16_length(text) > MAX_TEXT:
            raise ChatRefusal(f"A message holds at most {MAX_TEXT} characters.")
        content: Json = {"text": text}
        if entities := find_entities(text, []):
            content["entities"] = entities
        return self._from_user(user_id, content, reply_to)

    def send_photo(
        self, user_id: int, data: bytes, caption: str = "", name: str = "photo.jpg"
    ) -> Json:
        """Send a picture as a photo, or as a file if it cannot be shown as one."""
        return self.send_album(user_id, [(data, name, "image/jpeg")], caption)[0]

    def send_document(
        self, user_id: int, data: bytes, name: str, mime: str, caption: str = ""
    ) -> Json:
        """Send a file as a document."""
        content = {"document": self.files.add_document(data, name, mime)}
        return self._from_user(user_id, content | _captioned(caption))

    def send_album(
        self,
        user_id: int,
        files: Sequence[tuple[bytes, str, str]],
        caption: str = "",
        shapes: Sequence[Shape | None] = (),
    ) -> list[Json]:
        """Send photos and videos (bytes, name, MIME type) together, the caption with the first.

        Args:
            user_id: The sender.
            files: The files; those that cannot be shown are sent as documents.
            caption: The caption.
            shapes: The shape of each video, None for other files.
        """
        every_shape = [*shapes, *[None] * len(files)]
        contents = [
            self._shown(*file, shape) for file, shape in zip(files, every_shape, strict=False)
        ]
        # An animated GIF is sent alone.
        together = [content for content in contents if "animation" not in content]
        group: Json = {"media_group_id": secrets.token_hex(8)} if len(together) > 1 else {}
        with self.changing():
            return [
                self._from_user(
                    user_id,
                    content
                    | ({} if "animation" in content else group)
                    | _captioned("" if index else caption),
                )
                for index, content in enumerate(contents)
            ]

    def send_video_note(self, user_id: int, data: bytes, mime: str, shape: Shape) -> Json:
        """Send a round video."""
        return self._from_user(
            user_id, {"video_note": self.files.add_video_note(data, mime, shape)}
        )

    def send_sticker(self, user_id: int, webp: bytes, emoji: str) -> Json:
        """Send a sticker of 512 by 512 pixels."""
        stored = self.files.add(webp, "stickers", "sticker.webp", "image/webp")
        shape = {"type": "regular", "width": 512, "height": 512}
        kind = {"is_animated": False, "is_video": False, "emoji": emoji}
        return self._from_user(user_id, {"sticker": stored.as_json() | shape | kind})

    def send_voice(self, user_id: int, data: bytes, mime: str, duration_s: int) -> Json:
        """Send a voice message."""
        stored = self.files.add(data, "voice", "voice", mime)
        content = stored.as_json() | {"duration": duration_s, "mime_type": mime}
        return self._from_user(user_id, {"voice": content})

    def send_location(self, user_id: int, latitude: float, longitude: float) -> Json:
        """Send a location, in degrees."""
        place = {"latitude": latitude, "longitude": longitude}
        return self._from_user(user_id, {"location": place})

    def press(self, user_id: int, message_id: int, data: str) -> str:
        """Press a button and return the id of the callback query."""
        with self.changing():
            chat = self.chats.get(user_id)
            message = chat.messages.get(message_id) if chat else None
            rows = (message or {}).get("reply_markup", {}).get("inline_keyboard", [])
            if not any(button.get("callback_data") == data for row in rows for button in row):
                raise ChatRefusal("That button is gone.")
            assert chat is not None
            now_s = self.now_s()
            self.queries = {
                query: (user, pressed_s)
                for query, (user, pressed_s) in self.queries.items()
                if now_s - pressed_s <= QUERY_LIFETIME_S
            }
            query_id = str(secrets.randbits(62))
            self.queries[query_id] = (user_id, now_s)
            query = {
                "id": query_id,
                "from": chat.user,
                "message": message,
                "chat_instance": str(user_id),
                "data": data,
            }
            self.updates.push("callback_query", query)
            return query_id

    def react_to(self, user_id: int, message_id: int, emoji: str) -> list[str]:
        """Replace the reaction to a message; an empty text removes it.

        Returns:
            The reactions now.
        """
        if emoji and emoji not in REACTIONS:
            raise ChatRefusal("That is no reaction.")
        with self.changing():
            chat = self.chats.get(user_id)
            if chat is None or message_id not in chat.messages:
                raise ChatRefusal("That message is gone.")
            new = [emoji] if emoji else []
            old = chat.react_to(message_id, new)
            change = {
                "chat": chat.as_json(),
                "message_id": message_id,
                "user": chat.user,
                "date": int(self.now_s()),
                "old_reaction": [{"type": "emoji", "emoji": each} for each in old],
                "new_reaction": [{"type": "emoji", "emoji": each} for each in new],
            }
            if new != old:
                self.updates.push("message_reaction", change)
            return new

    def _from_user(self, user_id: int, content: Json, reply_to: int | None = None) -> Json:
        with self.changing():
            if user_id not in self.chats and len(self.chats) >= self.max_chats:
                raise ChatRefusal(f"There is room for {self.max_chats} people here, no more.")
            chat = self.chats.setdefault(user_id, LocalChat(person(user_id)))
            message = self.add(chat, chat.user, content, reply_to)
            self.updates.push("message", message)
            return message

    def _shown(self, data: bytes, name: str, mime: str, shape: Shape | None) -> Json:
        """Store a file as the kind that Telegram's apps would make of it."""
        if shape is not None:
            return {"video": self.files.add_video(data, name, mime, shape)}
        if moves(data):
            return {**self.files.add_animation(data, name)}
        try:
            return {"photo": self.files.add_photo(photo_sizes(data))}
        except NotAPhoto:
            return {"document": self.files.add_document(data, name, mime)}


def _captioned(caption: str) -> Json:
    caption, _ = trim(clean(caption), [])
    if utf16_length(caption) > MAX_CAPTION:
        raise ChatRefusal(f"A caption holds at most {MAX_CAPTION} characters.")
    return {"caption": caption} if caption else {}
