"""The section of the research: what public sources say of each metric, side by side, and how the mall stands.

Claims that a page makes while it speaks to a model, or that can hardly be true, are left out. Does not belong here:
comparing (see `research/comparison.py`).
"""

from typing import Any, Final

from cafe24_pipelines.reports.markup import Markup, join, tag
from cafe24_pipelines.reports.parts import section, table
from cafe24_pipelines.reports.texts import clean, people, word

MOST_OF_METRIC: Final = 4
MOST_CLAIMS: Final = 24
"""On the page; the rest is counted (`cafe24 research` shows all). Two that contradict each other come first."""


def research_of(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Of the rows of a comparison, what the page shows; None while no source has claimed anything."""
    claims: list[dict[str, Any]] = []
    total, mall = 0, []
    for row in rows:
        sure = [c for c in row["claims"] if not c["doubt"]]
        apart = {claim_id for pair in row["conflicts"] for claim_id in pair}
        sure.sort(key=lambda c: c["id"] not in apart)  # stable: the latest first, as the comparison has them
        total += len(sure)
        claims += [_claim(row["title"], c, c["id"] in apart) for c in sure[:MOST_OF_METRIC]]
        mall += [{"id": p["id"], "title": p["title"], "status": p["status"]} for p in row["compared"]]
    if not claims:
        return None
    return {"source": "benchmark_comparison", "claims": claims[:MOST_CLAIMS], "total": total, "mall": mall}


def research(snapshot: dict[str, Any], lang: str) -> Markup | None:
    """One table of claims, then the mall beside them; no section while there is nothing to show."""
    said = snapshot.get("research")
    if not said:
        return None
    head = [word(key, lang) for key in ("metric", "says", "publisher", "people")]
    rows = [
        [clean(c["title"]), c["said"] + (f" ({word('contradicts', lang)})" if c["apart"] else ""),
         join(_source(c), f" · {c['when'] or word('undated', lang)}"), people(c["population"], lang)]
        for c in said["claims"]
    ]  # fmt: skip
    more = said["total"] - len(rows)
    lines = [tag("li", tag("b", word("this mall", lang)), " ", _finding(one)) for one in said["mall"]]
    shown = [
        tag("p", word("claims", lang), class_="soft"),
        table(head, rows, words=(0, 1, 2, 3), name=word("research", lang), stack=True),
        tag("p", f"+{more:,} (cafe24 research)", class_="soft") if more > 0 else None,
        tag("ul", *lines, class_="plain") if lines else tag("p", word("no own number", lang), class_="soft"),
    ]
    return section("research", word("research", lang), shown, source=said["source"], lang=lang)


def _claim(title: str, claim: dict[str, Any], apart: bool) -> dict[str, Any]:
    from cafe24_pipelines.research.claims import Claim, number_text

    return {
        "title": title, "said": number_text(Claim.from_json(claim)), "publisher": claim["publisher"], "apart": apart,
        "when": claim["published"] or claim["period"], "population": claim["population"], "address": claim["address"],
    }  # fmt: skip


def _source(claim: dict[str, Any]) -> Markup:
    """The publisher, and the way to the page: a link that is followed on a click alone."""
    name, address = clean(claim["publisher"]), claim["address"]
    if not address.startswith("https://"):
        return tag("span", name)
    return tag("a", name, href=address, rel="noreferrer nofollow")


def _finding(pattern: dict[str, Any]) -> Markup:
    """What discovery says of the mall; a link where the page holds the finding."""
    title = clean(pattern["title"])
    if pattern["status"] == "confirmed":
        return tag("a", title, href=f"#finding-{pattern['id']}", lang="ko")
    return tag("span", title, lang="ko")
