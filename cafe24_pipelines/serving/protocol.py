"""HTTP/1.1 with a time limit on request headers, which uvicorn alone doesn't have.

Does not belong here: limits on bodies (see `bodies.py`).
"""

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_WITHIN: Final = 10.0
"""Seconds from a connection, or from the first byte of a later request on it, until its headers are complete."""


class BoundedProtocol(H11Protocol):
    """Closes a connection whose headers dribble in, so that slow senders can't hold every connection."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock with the connection."""
        super().connection_made(transport)
        self.access_log = False  # whatever handlers the process has: uvicorn's lines show query strings
        self._start()

    def data_received(self, data: bytes) -> None:
        """Stop the clock once the headers are there."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._deadline is None:
            self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop()
        super().connection_lost(exc)

    def _start(self) -> None:
        self._deadline = self.loop.call_later(HEADERS_WITHIN, self._too_slow)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()
