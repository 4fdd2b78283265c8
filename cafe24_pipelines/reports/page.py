"""The report page: one HTML file of a snapshot that needs nothing else, neither script nor font nor picture.

Its policy allows exactly its own style sheet, by hash, so that a name of a product that is markup stays text twice
over. Equal snapshots give equal bytes. Does not belong here: sections (`sections.py`), reading stores, publishing
(`archive.py`).
"""

from base64 import b64encode
from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from cafe24_pipelines.reports.findings_section import findings
from cafe24_pipelines.reports.markup import Markup, join, tag
from cafe24_pipelines.reports.research_section import research
from cafe24_pipelines.reports.sections import (
    campaigns,
    changed,
    churn_and_segments,
    clv,
    cohorts,
    headline,
    limits,
    quality,
    sales,
    stock,
)  # fmt: skip
from cafe24_pipelines.reports.texts import word

LANGUAGES = ("ko", "en")
_SECTIONS = (
    headline, changed, sales, findings, research, churn_and_segments, clv, campaigns, stock, cohorts, quality, limits,
)  # fmt: skip


def render(snapshot: dict[str, Any], lang: str = "ko") -> str:
    """The page of a snapshot (as `SnapshotBook.current` gives it) in a language."""
    title = f"{snapshot['mall_id']} · {word('title', lang)}"
    style = _style()
    policy = f"default-src 'none'; style-src 'sha256-{_hash(style)}'; base-uri 'none'; form-action 'none'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        Markup(f"<style>{style}</style>"),
    )
    body = tag(
        "body",
        tag("header", tag("h1", title), tag("p", _when(snapshot, lang), class_="soft")),
        tag("main", *(section(snapshot, lang) for section in _SECTIONS)),
        tag(
            "footer", tag("p", word("scope", lang)), tag("p", tag("code", f"snapshot {snapshot['digest'][:12]}")),
            class_="page soft",
        ),
    )  # fmt: skip
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang=lang)}\n"


def _when(snapshot: dict[str, Any], lang: str) -> Markup:
    """Until when the data go, and when the page's snapshot was made, in the mall's zone."""
    made = datetime.fromisoformat(snapshot["made_at"]).astimezone(ZoneInfo(snapshot["zone"]))
    until = tag("time", snapshot["as_of"]) if snapshot["as_of"] else None
    return join(
        word("no data", lang) if until is None else f"{word('data until', lang)} ", until,
        f" · {word('made', lang)} {made:%Y-%m-%d %H:%M} ({snapshot['zone']})",
    )  # fmt: skip


def _style() -> str:
    return (files("cafe24_pipelines.reports") / "page.css").read_text(encoding="utf-8").strip()


def _hash(style: str) -> str:
    return b64encode(sha256(style.encode()).digest()).decode()
