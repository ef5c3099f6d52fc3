"""The chat page: one person's view of the local Telegram, in a browser on this computer.

The page polls `/chat/news` for changes and posts what the person does. Posts are refused if they
come from another site, or to an address that is not this computer's.
"""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bot.sandbox.page.samples import (
    STICKER_EMOJI,
    VOICE_S,
    portrait_jpeg,
    portrait_sticker_webp,
    silent_wav,
    sticker_webp,
)
from bot.sandbox.same_origin import SameOriginOnly
from bot.sandbox.telegram.files import MAX_FILE_BYTES, Shape
from bot.sandbox.telegram.local_telegram import ChatRefusal, LocalTelegram

PAGE = Path(__file__).parent / "static"
WAIT_S = 25.0
MAX_ALBUM = 10
PLACE = (41.9028, 12.4964)
"""Latitude and longitude that the page sends as a location: Rome."""

_SHOWN = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/webp",
        "image/gif",
        "audio/wav",
        "video/mp4",
        "video/webm",
        "video/quicktime",
    }
)
_CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

Action = Callable[[LocalTelegram, int, dict[str, Any]], object]


def chat_routes(telegram: LocalTelegram) -> list[BaseRoute]:
    """Return the routes of the page, its assets and its API."""

    async def news(request: Request) -> Response:
        cursor = request.query_params.get("cursor", "")
        wait_s = 0.0 if not cursor else WAIT_S
        return JSONResponse(await telegram.news(_user(request.query_params), cursor, wait_s))

    async def files(request: Request) -> Response:
        return await _send_files(telegram, request)

    async def stored_file(request: Request) -> Response:
        stored = telegram.files.find_unique(request.path_params["unique_id"])
        if stored is None:
            return _refused(404, "That file is no longer kept.")
        is_shown = stored.mime in _SHOWN  # anything else might be a page or a script
        headers = {
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Content-Disposition": "inline" if is_shown else "attachment",
            "Cache-Control": "private, max-age=86400",
        }
        mime = stored.mime if is_shown else "application/octet-stream"
        return Response(stored.data, media_type=mime, headers=headers)

    def doing(action: Action) -> Callable[[Request], Awaitable[Response]]:
        async def do(request: Request) -> Response:
            try:
                body = json.loads(await request.body())
                result = await run_in_threadpool(action, telegram, _user(body), body)
            except ChatRefusal as error:
                return _refused(400, str(error))
            except (ValueError, KeyError, TypeError, AttributeError):
                return _refused(400, "The page sent something that the chat cannot read.")
            return JSONResponse({"sent": result})

        return do

    chat = [
        Route("/news", news),
        Route("/files", files, methods=["POST"]),
        Route("/file/{unique_id}", stored_file),
        *(Route(f"/{name}", doing(action), methods=["POST"]) for name, action in _ACTIONS.items()),
    ]
    return [
        Route("/", _page),
        Route("/sample/astronaut.jpg", _portrait),
        Route("/page/{name}", _asset),
        Mount("/chat", routes=chat, middleware=[Middleware(SameOriginOnly)]),
    ]


async def _page(request: Request) -> Response:
    headers = {"Content-Security-Policy": _CONTENT_POLICY, "Cache-Control": "no-cache"}
    return FileResponse(PAGE / "index.html", headers=headers)


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in {file.name for file in PAGE.iterdir()}:
        raise HTTPException(404)
    return FileResponse(PAGE / name, headers={"Cache-Control": "no-cache"})


async def _portrait(request: Request) -> Response:
    return Response(await run_in_threadpool(portrait_jpeg), media_type="image/jpeg")


def _refused(code: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status_code=code)


def _user(fields: Any) -> int:
    """Return the user id of this chat.

    Raises:
        HTTPException: It is not a valid user id.
    """
    user = str(fields.get("user", "1"))
    if not user.isdecimal() or not 1 <= int(user) < 2**52:
        raise HTTPException(400, "The user in the page's address must be a number from 1 on.")
    return int(user)


async def _send_files(telegram: LocalTelegram, request: Request) -> Response:
    """Send the posted files as photos and videos, as a round video, or as documents."""
    if int(request.headers.get("content-length", 0)) > MAX_FILE_BYTES:
        return _refused(413, "That is more than 50 MB, which is as much as can be sent at once.")
    user = _user(request.query_params)
    async with request.form() as form:
        caption = str(form.get("caption", ""))
        shapes_json = str(form.get("shapes", "[]"))
        files = [
            (
                await value.read(),
                (value.filename or "file")[:200],
                value.content_type or "application/octet-stream",
            )
            for value in form.getlist("file")
            if isinstance(value, UploadFile)
        ]
    if not 1 <= len(files) <= MAX_ALBUM:
        return _refused(400, f"From 1 to {MAX_ALBUM} files can be sent at once.")
    if not all(data for data, _, _ in files):
        return _refused(400, "An empty file cannot be sent.")
    try:
        shapes, kind = _shapes(shapes_json), request.query_params.get("as")
        if kind == "photo":
            await run_in_threadpool(telegram.send_album, user, files, caption, shapes)
        elif kind == "video_note":
            if len(files) != 1 or len(shapes) != 1 or shapes[0] is None:
                return _refused(400, "A round video goes alone.")
            data, _, mime = files[0]
            telegram.send_video_note(user, data, mime, shapes[0])
        else:
            for index, file in enumerate(files):
                telegram.send_document(user, *file, caption="" if index else caption)
    except ChatRefusal as error:
        return _refused(400, str(error))
    return JSONResponse({"sent": len(files)})


def _shapes(text: str) -> list[Shape | None]:
    """Return the width, height and duration in seconds of each posted video.

    Raises:
        ChatRefusal: The page sent invalid data.
    """
    try:
        return [
            None if shape is None else Shape(*(max(0, round(side)) for side in shape))
            for shape in json.loads(text)
        ]
    except (ValueError, TypeError, OverflowError):
        raise ChatRefusal("The page sent a video without its shape.") from None


def _text(telegram: LocalTelegram, user: int, body: dict[str, Any]) -> object:
    reply_to = body.get("reply_to")
    sent = telegram.send_text(user, str(body["text"]), None if reply_to is None else int(reply_to))
    return sent["message_id"]


def _press(telegram: LocalTelegram, user: int, body: dict[str, Any]) -> object:
    return telegram.press(user, int(body["message_id"]), str(body["data"]))


def _react(telegram: LocalTelegram, user: int, body: dict[str, Any]) -> object:
    return telegram.react_to(user, int(body["message_id"]), str(body["emoji"]))


def _sticker(telegram: LocalTelegram, user: int, body: dict[str, Any]) -> object:
    return telegram.send_sticker(user, sticker_webp(), STICKER_EMOJI)["message_id"]


def _portrait_sticker(telegram: LocalTelegram, user: int, body: dict[str, Any]) -> object:
    return telegram.send_sticker(user, portrait_sticker_webp(), STICKER_EMOJI)["message_id"]


def _voice(telegram: LocalTelegram, user: int, body: dict[str, Any]) -> object:
    return telegram.send_voice(user, silent_wav(), "audio/wav", VOICE_S)["message_id"]


def _location(telegram: LocalTelegram, user: int, body: dict[str, Any]) -> object:
    return telegram.send_location(user, *PLACE)["message_id"]


_ACTIONS: dict[str, Action] = {
    "text": _text,
    "press": _press,
    "react": _react,
    "sticker": _sticker,
    "portrait-sticker": _portrait_sticker,
    "voice": _voice,
    "location": _location,
}
"""The actions that the page posts as JSON, by the last part of the path."""
