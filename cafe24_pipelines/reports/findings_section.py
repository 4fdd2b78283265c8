"""The section of confirmed findings: each with effect, interval, what to do, and the query behind it.

Titles, summaries and actions are Korean in every language, and marked so. Does not belong here: other sections.
"""

from typing import Any, Final

from cafe24_pipelines.reports.findings import effect_text, neutral
from cafe24_pipelines.reports.markup import Markup, join, tag
from cafe24_pipelines.reports.parts import folded, section
from cafe24_pipelines.reports.pictures import interval
from cafe24_pipelines.reports.texts import clean, corrected, word

OPEN: Final = 6
"""Findings that stand open; further ones are one click away."""


def findings(snapshot: dict[str, Any], lang: str) -> Markup:
    """Confirmed findings, the surest first; then what was retracted."""
    confirmed = [f for f in snapshot["findings"] if f["state"] == "confirmed"]
    retracted = [f for f in snapshot["findings"] if f["state"] == "retracted"]
    if not confirmed:
        shown: list[str] = [tag("p", word("none confirmed", lang), class_="soft")]
    else:
        shown = [tag("p", word("caution", lang), class_="soft"), _grid(confirmed[:OPEN], lang)]
        if len(confirmed) > OPEN:
            rest = f"{word('more findings', lang)} ({len(confirmed) - OPEN})"
            shown.append(folded(rest, _grid(confirmed[OPEN:], lang)))
    if retracted:
        lines = [
            tag("li", tag("b", clean(f["title"])), " — ", clean(f["summary"]), id=f"finding-{f['id']}", lang="ko")
            for f in retracted
        ]
        shown += [tag("h3", f"{word('retracted', lang)} ({len(retracted)})", class_="flag"), _list(lines)]
    title = f"{word('findings', lang)} ({len(confirmed)})"
    return section("findings", title, shown, source="patterns", lang=lang)


def _list(items: list[Markup]) -> Markup:
    return tag("ul", *items, class_="plain")


def _grid(found: list[dict[str, Any]], lang: str) -> Markup:
    return tag("div", *(_card(one, lang) for one in found), class_="findings")


def _card(one: dict[str, Any], lang: str) -> Markup:
    effect, unit = one["effect"], one["effect"]["unit"]
    drawn = None
    if None not in (effect["value"], effect["low"], effect["high"]):
        value = effect_text(effect["value"], unit, lang)
        low, high = effect_text(effect["low"], unit, lang), effect_text(effect["high"], unit, lang)
        told = f"{word('interval', lang)} {low}\u00a0~\u00a0{high}"
        drawn = join(
            tag("p", tag("span", value, class_="value"), f" {told}"),
            interval(effect["value"], effect["low"], effect["high"], neutral(unit), alt=f"{value}, {told}"),
        )
    sure = [f"{word('sample', lang)} {one['n']:,}"]
    if one["q"] is not None:
        sure.append(corrected(one["q"], lang))
    return tag(
        "article",
        tag("h3", clean(one["title"]), lang="ko"),
        drawn,
        tag("p", clean(one["summary"]), class_="soft", lang="ko"),
        tag("p", tag("b", word("to do", lang)), " ", tag("span", clean(one["action"]), lang="ko"), class_="todo"),
        tag("p", " · ".join(sure), class_="soft"),
        folded(word("evidence", lang), tag("pre", tag("code", clean(one["query"])))),
        id=f"finding-{one['id']}",
    )
