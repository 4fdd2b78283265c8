"""How we behave on other people's servers: what was fetched before, how fast, and what robots.txt says.

The file of visits is a cache: without it every page is fetched once more and nothing is claimed twice. Does not
belong here: one request (see `fetch.py`), or what is visited (see `collect.py`).
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cafe24_pipelines.research.fetch import AGENT, PAGES, Limits, Page, Unreachable, visit
from cafe24_pipelines.research.reading import VERSION
from cafe24_pipelines.research.robots import MOST_BYTES, Robots, read_robots
from cafe24_pipelines.research.sources import Source, host_of
from cafe24_pipelines.stores.files import write_atomic

LEFT_ALONE: Final = "its host asked to be left alone for now"


@dataclass
class Seen:
    """What is remembered of one address: for conditional requests, and how often it was missing in a row."""

    etag: str = ""
    last_modified: str = ""
    hash: str = ""
    missing: int = 0
    gone: bool = False
    listed: list[list[str]] = field(default_factory=list)  # (url, title, day) that a list named


class VisitBook:
    """The file of visits: pages by source and address, and hosts to leave alone until a moment (epoch seconds)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pages: dict[str, Seen] = {}
        self.waiting: dict[str, float] = {}
        self.turn = 0
        try:
            value = json.loads(path.read_text("utf-8"))
            self.pages = {key: Seen(**seen) for key, seen in value["pages"].items()}
            self.waiting = {host: float(at) for host, at in value["waiting"].items()}
            self.turn = int(value["turn"])
            if value["rules"] != VERSION:  # the rules have changed: every page is to be read again
                for seen in self.pages.values():
                    seen.etag = seen.last_modified = seen.hash = ""
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            pass  # a cache: begin anew

    def seen(self, source: Source, url: str) -> Seen:
        """What is remembered of a source's page; begins empty."""
        return self.pages.setdefault(f"{source.id} {url}", Seen())

    def forget(self, source: Source, url: str) -> None:
        """Remember nothing of a source's page."""
        self.pages.pop(f"{source.id} {url}", None)

    def save(self) -> None:
        """Write the file, whole or not at all."""
        pages = {key: asdict(self.pages[key]) for key in sorted(self.pages) if self.pages[key] != Seen()}
        value = {"v": 1, "rules": VERSION, "pages": pages, "waiting": self.waiting, "turn": self.turn}
        write_atomic(self.path, json.dumps(value, ensure_ascii=False, indent=0))


class Visitor:
    """One collection's requests: each waits its turn, asks robots.txt, and heeds a host that said to wait."""

    def __init__(
        self, book: VisitBook, *, limits: Limits | None = None, sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """`sleep` and `clock` are the process's own, unless a test drives the time."""
        self.book, self.limits = book, limits or Limits()
        self._sleep, self._clock = sleep, clock
        self._last: dict[str, float] = {}
        self._robots: dict[str, Robots] = {}

    def get(self, source: Source, url: str, *, fresh: bool = False, types: tuple[str, ...] = PAGES) -> Page:
        """The page at an address, conditional on what was seen there before (`fresh`: whatever was seen).

        Raises:
            Unreachable: robots.txt forbids it, its host is to be left alone, or see `fetch.visit`.
        """
        seen = Seen() if fresh else self.book.seen(source, url)
        try:
            return visit(
                source, url, before=lambda at: self._may(source, at), etag=seen.etag,
                last_modified=seen.last_modified, limits=self.limits, types=types,
            )  # fmt: skip
        except Unreachable as e:
            self._heed(url, e)
            raise

    def _heed(self, url: str, e: Unreachable) -> None:
        if e.wait:
            now = self._clock()
            self.book.waiting = {host: at for host, at in self.book.waiting.items() if at > now}
            self.book.waiting[host_of(e.url or url)] = now + e.wait
            self.book.save()

    def _may(self, source: Source, url: str) -> None:
        if self._clock() < self.book.waiting.get(host_of(url), 0.0):
            raise Unreachable(LEFT_ALONE)
        robots = self._rules(source, url)
        if not robots.allows(url):
            raise Unreachable("robots.txt can't be read" if robots.closed else "robots.txt forbids it")
        self._pace(source, url, robots.delay)

    def _rules(self, source: Source, url: str) -> Robots:
        """The host's robots.txt, once a collection; one that answers 4xx has no rules, one that fails is closed."""
        parts = urlsplit(url)
        if parts.netloc not in self._robots:
            address = f"{parts.scheme}://{parts.netloc}/robots.txt"
            try:
                limits = Limits(self.limits.seconds, MOST_BYTES, self.limits.redirects, cut=True)
                page = visit(source, address, before=lambda at: self._pace(source, at), limits=limits, types=())
                self._robots[parts.netloc] = read_robots(page.body.decode("utf-8", "replace"), AGENT)
            except Unreachable as e:
                self._heed(url, e)
                if e.wait:
                    raise
                self._robots[parts.netloc] = Robots(closed=not 400 <= e.status < 500)
        return self._robots[parts.netloc]

    def _pace(self, source: Source, url: str, delay: float = 0.0) -> None:
        host = host_of(url)
        if host in self._last:
            pause = max(source.seconds, delay)  # at most, should somebody set the clock back
            self._sleep(min(pause, max(0.0, self._last[host] + pause - self._clock())))
        self._last[host] = self._clock()
