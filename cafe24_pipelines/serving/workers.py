"""Blocking work off the event loop: so many at a time, so many waiting, so long each; more is told to come back.

A thread can't be stopped from outside. Work that runs over its time keeps its place until it ends, so that what is
counted is what the machine really does. Does not belong here: the work.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, TypeVar

from cafe24_pipelines.serving.problems import Problem

T = TypeVar("T")
RETRY_AFTER: Final = "2"
_END: Final = object()


class Workers:
    """A bounded pool. Must be used from one event loop; `close` after it.

    Args:
        threads: pieces of work that run at a time.
        waiting: pieces that may wait for a thread.
        seconds: how long a request waits for its piece, from its arrival.
    """

    def __init__(self, threads: int, waiting: int, seconds: float) -> None:
        self.threads, self.waiting, self.seconds = threads, waiting, seconds
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="cafe24-serving")
        self._lock = threading.Lock()
        self._taken = 0

    @property
    def running(self) -> int:
        """Pieces that have a thread."""
        return min(self._taken, self.threads)

    @property
    def queued(self) -> int:
        """Pieces that wait for one."""
        return max(0, self._taken - self.threads)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises.

        Raises:
            Problem: busy (503), or it took too long (504).
        """
        future = self._submit(work)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self.seconds)
        except TimeoutError:
            if future.done() and not future.cancelled():  # the work's own time-out, not ours
                raise
            raise Problem("too_slow") from None

    async def stream(self, make: Callable[[], Generator[T]]) -> AsyncIterator[T]:
        """The items of a generator that is made and advanced in a thread, as they come.

        When the reader goes away, the generator is closed at its next item.

        Raises:
            Problem: busy (503, before the first item), or it took too long (504).
        """
        loop, items, gone = asyncio.get_running_loop(), asyncio.Queue[object](), threading.Event()

        def hand_over(item: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(items.put_nowait, item)

        def work() -> None:
            try:
                with contextlib.closing(make()) as source:
                    for item in source:
                        if gone.is_set():
                            return
                        hand_over(item)
            except Exception as e:  # told to the reader, who raises it
                hand_over(e)
            finally:
                hand_over(_END)

        self._submit(work)
        deadline = loop.time() + self.seconds
        try:
            while True:
                try:
                    item = await asyncio.wait_for(items.get(), max(0.0, deadline - loop.time()))
                except TimeoutError:
                    raise Problem("too_slow") from None
                if item is _END:
                    return
                if isinstance(item, Exception):
                    raise item
                yield item  # type: ignore[misc]
        finally:
            gone.set()

    def close(self) -> None:
        """Take nothing more, drop what waits, and wait for what runs: it may be using what is closed next."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, work: Callable[[], T]) -> "Future[T]":
        with self._lock:
            if self._taken >= self.threads + self.waiting:
                raise Problem("busy", headers={"Retry-After": RETRY_AFTER})
            self._taken += 1
        try:
            future = self._pool.submit(copy_context().run, work)
        except RuntimeError:  # shutting down
            self._release()
            raise Problem("busy", headers={"Retry-After": RETRY_AFTER}) from None
        future.add_done_callback(lambda _: self._release())
        return future

    def _release(self) -> None:
        with self._lock:
            self._taken -= 1
