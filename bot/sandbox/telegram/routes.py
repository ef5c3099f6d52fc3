"""The local Telegram over HTTP, as `https://api.telegram.org` answers."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.sandbox.telegram.call import Call, Upload, parse_json
from bot.sandbox.telegram.files import MAX_FILE_BYTES
from bot.sandbox.telegram.methods import METHODS
from bot.sandbox.telegram.refusals import Refusal
from bot.sandbox.telegram.state import TelegramState

MAX_POLL_S = 50
_MAX_BODY_BYTES = MAX_FILE_BYTES + 1024 * 1024  # a file and the fields around it


def telegram_routes(telegram: TelegramState) -> list[BaseRoute]:
    """Return the routes, to be mounted where `TELEGRAM_API_URL` points."""

    async def call_method(request: Request) -> Response:
        if request.path_params["token"] != telegram.token:
            return _refused(401, "Unauthorized")
        name = request.path_params["method"].lower()
        if name not in METHODS and name != "getupdates":
            return _refused(404, "Not Found")
        try:
            call = await _read(request)
            result: Any
            if name == "getupdates":
                result = await _get_updates(telegram, call)
            else:  # in a thread: a method may decode a picture
                result = await run_in_threadpool(METHODS[name], telegram, call)
        except Refusal as refusal:
            return _refused(refusal.code, str(refusal))
        except ClientDisconnect:  # the bot was killed while it asked
            return _refused(400, "Bad Request: the request ends too early")
        return JSONResponse({"ok": True, "result": result})

    async def download(request: Request) -> Response:
        stored = telegram.files.find_path(request.path_params["path"])
        if request.path_params["token"] != telegram.token:
            return _refused(401, "Unauthorized")
        if stored is None:
            return _refused(404, "Not Found")
        return Response(stored.data, media_type="application/octet-stream")

    return [
        Route("/bot{token}/{method}", call_method, methods=["GET", "POST"]),
        Route("/file/bot{token}/{path:path}", download),
    ]


def _refused(code: int, description: str) -> JSONResponse:
    body = {"ok": False, "error_code": code, "description": description}
    return JSONResponse(body, status_code=code)


async def _read(request: Request) -> Call:
    """Return the fields of the query and the body, and the uploads."""
    if int(request.headers.get("content-length", 0)) > _MAX_BODY_BYTES:
        raise Refusal("Request Entity Too Large", code=413)
    fields: dict[str, object] = dict(request.query_params)
    uploads: dict[str, Upload] = {}
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            body = parse_json(await request.body() or b"{}")
        except ValueError:
            raise Refusal("can't parse the request's JSON") from None
        if not isinstance(body, dict):
            raise Refusal("the request's JSON must be an object")
        return Call(fields | body)
    try:
        async with request.form() as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    mime = value.content_type or "application/octet-stream"
                    uploads[name] = Upload(await value.read(), value.filename or name, mime)
                else:
                    fields[name] = value
    except HTTPException as error:
        raise Refusal(error.detail) from None
    return Call(fields, uploads)


async def _get_updates(telegram: TelegramState, call: Call) -> list[dict[str, Any]]:
    if telegram.delivering is not None:
        raise Refusal(
            "can't use getUpdates method while webhook is active; "
            "use deleteWebhook to delete the webhook first",
            code=409,
        )
    allowed = call.parsed("allowed_updates")
    if allowed is not None and not isinstance(allowed, list):
        raise Refusal("can't parse allowed_updates JSON object")
    return await telegram.updates.fetch(
        offset=call.whole("offset"),
        limit=min(max(call.whole("limit", 100), 1), 100),
        timeout_s=min(max(call.whole("timeout"), 0), MAX_POLL_S),
        allowed=allowed,
    )
