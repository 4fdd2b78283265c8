"""Pages as files: the current one of a mall in each language, and the earlier ones by their day.

Equal snapshots give an equal page, which is not written again. Does not belong here: what a page says (`page.py`).
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.reports.page import LANGUAGES, render
from cafe24_pipelines.stores.digest import text_digest
from cafe24_pipelines.stores.files import Published, write_atomic

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.settings import Settings

KEPT: Final = 100
"""Earlier pages that stay; the oldest go first."""


def publish_snapshot(settings: "Settings", mall: "Mall") -> str:
    """Make a snapshot of what is published now, the mall's current one; returns its digest."""
    from cafe24_pipelines.reports.snapshot import SnapshotBook, build_snapshot

    return SnapshotBook(settings.home.reports).publish(mall.mall_id, build_snapshot(settings, mall))


class PageBook:
    """The pages of every mall under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def publish(self, snapshot: dict[str, Any]) -> str:
        """Render a snapshot in every language, make it the current page and archive it. Returns the page's digest."""
        mall_id, store = str(snapshot["mall_id"]), self._store(str(snapshot["mall_id"]))
        pages = {lang: render(snapshot, lang) for lang in LANGUAGES}
        digest = text_digest(*pages.values())
        current = store.current()
        if current is None or current.build_id != digest:
            staging = store.staging(digest)
            for lang, html in pages.items():
                (staging / _name(lang)).write_text(html, encoding="utf-8")
            store.publish(staging, digest, {"snapshot": snapshot["digest"], "made_at": snapshot["made_at"]})
        self._archive(mall_id, snapshot["made_at"], digest, pages[LANGUAGES[0]])
        return digest

    def current(self, mall_id: str, lang: str = "ko") -> Path:
        """The current page's file; whoever keeps it for long copies it.

        Raises:
            NotBuilt: none was published.
        """
        build = self._store(mall_id).current()
        if build is None:
            raise NotBuilt(f"mall {mall_id!r} has no report yet", remedy="run `cafe24 run` first")
        return build.path / _name(lang)

    def made_of(self, mall_id: str) -> str:
        """Digest of the snapshot that the current page shows ("" before the first)."""
        build = self._store(mall_id).current()
        return str(build.meta["snapshot"]) if build else ""

    def archived(self, mall_id: str) -> list[Path]:
        """Every page that is kept, oldest first."""
        return sorted((self.root / mall_id / "archive").glob("*.html"))

    def _archive(self, mall_id: str, made_at: str, digest: str, html: str) -> None:
        name = f"{datetime.fromisoformat(made_at):%Y%m%dT%H%M%SZ}-{digest[:12]}.html"
        path = self.root / mall_id / "archive" / name
        if not path.exists():
            write_atomic(path, html)
        for old in self.archived(mall_id)[:-KEPT]:
            old.unlink(missing_ok=True)

    def _store(self, mall_id: str) -> Published:
        return Published(self.root / mall_id / "page")


def _name(lang: str) -> str:
    return f"report.{lang}.html"
