"""The bot's health, served only to this computer: `/healthz` and `/metrics`."""

import asyncio
import math
import sqlite3
import time
from datetime import timedelta

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.services import Services

SILENT_FOR = timedelta(minutes=2)
"""How long Telegram may be silent: four times as long as it holds a quiet poll open."""

JOBS_LATE_S = 120.0
"""How late a repeated job may be, in seconds on the monotonic clock."""

PATIENCE_S = 2.0
"""Timeout for the database, whose thread may be busy."""


def ops_routes(services: Services) -> list[Route]:
    """Return the routes of both pages."""

    async def healthz(request: Request) -> Response:
        last_fetch = services.metrics.last_fetch_utc
        due_s = services.metrics.jobs_due_s.values()
        parts = {
            "database": await _waiting(services) is not None,
            "disk": not services.records.is_full,
            "telegram": last_fetch is not None and abs(services.clock() - last_fetch) < SILENT_FOR,
            "jobs": time.monotonic() < min(due_s, default=math.inf) + JOBS_LATE_S,
        }
        is_well = all(parts.values())
        return JSONResponse({"ok": is_well, **parts}, 200 if is_well else 503)

    async def metrics(request: Request) -> Response:
        waiting = await _waiting(services)
        services.metrics.updates_waiting.set(float("nan") if waiting is None else waiting)
        text = generate_latest(services.metrics.registry)
        return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [Route("/healthz", healthz), Route("/metrics", metrics)]


async def _waiting(services: Services) -> int | None:
    """Return how many updates wait; None if the database does not answer."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await services.records.run(lambda stores: stores.people.inbox.waiting())
    except (TimeoutError, sqlite3.Error):
        return None
