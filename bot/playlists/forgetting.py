"""Deletes everything about a user, also what requests in flight would still store."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import datetime

from bot.current_update import current
from bot.playlists.learning import refit_prior
from bot.playlists.playlists import Playlists
from bot.services import Services

WAIT_S = 30.0
"""How long the user waits for requests in flight before they are told that all is deleted."""


class Forgetting:
    """Deletes users.

    Args:
        services: The outside world and the state.
        playlists: Knows which playlists are being made.
        stop_reading: Cancels reading a user's photos.
    """

    def __init__(
        self, services: Services, playlists: Playlists, stop_reading: Callable[[int], object]
    ) -> None:
        self._services = services
        self._playlists = playlists
        self._stop_reading = stop_reading

    async def forget(self, user_id: int) -> None:
        """Delete every row about a user: at once, and again when nothing of theirs is in flight.

        A playlist being made may be stored after the first deletion. Spotify can be slow to
        answer; then the second deletion comes after the user was told.
        """
        now, connections = self._services.clock(), self._services.connections
        self._stop_reading(user_id)
        await self._delete(user_id, now)
        self._stop_reading(user_id)  # photos that arrived during the deletion
        again = self._delete_again(user_id, now)
        if connections is not None:
            again = connections.locks.shielded(again)
        with suppress(TimeoutError):
            await asyncio.wait_for(again, WAIT_S)

    async def _delete_again(self, user_id: int, now: datetime) -> None:
        async with self._playlists.making(user_id):
            if self._services.connections is not None:
                await self._services.connections.forget(user_id)
            await self._delete(user_id, now)
        await refit_prior(self._services)  # without their votes

    async def _delete(self, user_id: int, now: datetime) -> None:
        """Delete every row about a user, in the nightly copies too."""
        nightly = self._services.nightly
        async with nightly.lock if nightly is not None else nullcontext():
            if nightly is not None:
                await nightly.forget(user_id, now)
            handling = current()
            request = handling.update_id if handling else None
            await self._services.records.run(lambda s: s.forget(user_id, now, request))
