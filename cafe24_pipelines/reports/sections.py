"""The sections of the page, each of one part of the snapshot. They word and draw; they compute no figure.

Does not belong here: findings (`findings_section.py`), or reading projections (`snapshot.py`).
"""

from typing import Any

from cafe24_pipelines.reports.findings import effect_text
from cafe24_pipelines.reports.markup import Markup, tag
from cafe24_pipelines.reports.parts import folded, missing, scroll, section, table, why
from cafe24_pipelines.reports.pictures import Bar, bars, heat, round_ticks, share_bar
from cafe24_pipelines.reports.texts import change, clean, count, fixed, money, percent, short_money, table_name, word

Snapshot = dict[str, Any]


def headline(snapshot: Snapshot, lang: str) -> Markup:
    """The few numbers that a merchant looks for first, each with its period, change and source."""
    cards, used = [], []
    sales, churn, clv = snapshot["sales"], snapshot["churn"], snapshot["clv"]
    if sales and (last := sales["last_full_month"]):
        month = last["month"]
        cards += [
            _card(word("revenue", lang), money(last["revenue"], snapshot["currency"], lang), month, _moves(
                last["revenue_change"], last["revenue_change_year"], lang)),
            _card(word("orders", lang), count(last["orders"], lang, "건"), month, _moves(
                last["orders_change"], last["orders_change_year"], lang)),
            _card(word("new buyers", lang), count(last["new_buyers"], lang, "명"), month, []),
            _card(word("returning buyers", lang), count(last["returning_buyers"], lang, "명"), month, []),
        ]  # fmt: skip
        used.append(sales["source"])
    elif sales and (running := sales["running_month"]):  # a mall in its first month: figures, nothing to compare
        month = f"{running['month']} · {word('so far', lang)}"
        cards += [
            _card(word("revenue", lang), money(running["revenue"], snapshot["currency"], lang), month, []),
            _card(word("orders", lang), count(running["orders"], lang, "건"), month, []),
        ]
        used.append(sales["source"])
    if churn and (high := next((b for b in churn["bands"] if b["band"] == "높음"), None)):
        of = f"{count(churn['customers'], lang, '명')} · {churn['horizon_days']}{'일' if lang == 'ko' else ' days'}"
        cards.append(_card(word("high risk", lang), count(high["customers"], lang, "명"), f"/ {of}", []))
        used.append(churn["source"])
    if clv and clv["expected_revenue_365"]:
        expected = clv["expected_revenue_365"]
        low, high_ = (short_money(expected[k], snapshot["currency"], lang) for k in ("low", "high"))
        told = f"{word('interval', lang)} {low}~{high_}"
        cards.append(_card(word("next year", lang), money(expected["value"], snapshot["currency"], lang), told, []))
        used.append(clv["source"])
    if not cards:
        return missing(snapshot, "headline", word("headline", lang), "sales_report", lang)
    shown = [tag("ul", *cards, class_="cards")]
    return section(
        "headline", word("headline", lang), shown, source=", ".join(used), lang=lang, day=snapshot["as_of"]
    )


def _card(title: str, value: str, period: str, moves: list[Markup]) -> Markup:
    return tag(
        "li",
        tag("span", title),
        tag("b", value),
        tag("span", period, class_="soft") if period else None,
        *moves,
        class_="card",
    )


def _moves(before: float | None, year: float | None, lang: str) -> list[Markup]:
    """Changes against the period before and the same one a year before, where there is one."""
    pairs = ((before, word("before", lang)), (year, word("year before", lang)))
    return [
        tag("span", f"{change(value)} ", tag("small", name), class_=_direction(value))
        for value, name in pairs
        if value is not None
    ]


def _direction(moved: float) -> str | None:
    return "up" if moved > 0 else "down" if moved < 0 else None


def changed(snapshot: Snapshot, lang: str) -> Markup:
    """What moved: sales of the last whole month and week, and findings that are new, moved or retracted."""
    lines: list[Markup] = []
    sales, told = snapshot["sales"], snapshot["findings_changed"]
    if sales and (last := sales["last_full_month"]):
        lines += _sentence(f"{last['month']} {word('revenue', lang)}", last["revenue_change"], word("before", lang))
        lines += _sentence(
            f"{last['month']} {word('revenue', lang)}", last["revenue_change_year"], word("year before", lang)
        )
    if sales and (week := sales["last_full_week"]):
        names = (week["start"], word("week of", lang))
        name = " ".join(names if lang == "ko" else reversed(names))
        lines += _sentence(f"{name} {word('revenue', lang)}", week["revenue_change"], word("week before", lang))
    for key in ("retracted", "new"):
        title = word("retracted" if key == "retracted" else "new findings", lang)
        lines += [_found(title, one) for one in told[key]]
    for one in told["moved"]:
        unit = next((f["effect"]["unit"] for f in snapshot["findings"] if f["id"] == one["id"]), "number")
        was = f"{effect_text(one['from'], unit, lang)} ({one['from_day']}) → {effect_text(one['to'], unit, lang)}"
        lines.append(_found(word("moved findings", lang), one, was))
    if not (told["new"] or told["moved"] or told["retracted"]):
        lines.append(tag("li", word("first report" if told["first"] else "nothing changed", lang)))
    return section(
        "changed", word("changed", lang), [tag("ul", *lines, class_="plain")], source="sales_report, patterns",
        lang=lang, day=told["as_of"],
    )  # fmt: skip


def _sentence(what: str, moved: float | None, against: str) -> list[Markup]:
    if moved is None:
        return []
    return [tag("li", f"{what}: ", tag("b", change(moved), class_=_direction(moved)), f" {against}")]


def _found(title: str, one: dict[str, Any], more: str = "") -> Markup:
    link = tag("a", clean(one["title"]), href=f"#finding-{one['id']}", lang="ko")
    return tag("li", tag("b", title), " ", link, f" {more}" if more else None)


def sales(snapshot: Snapshot, lang: str) -> Markup:
    """Two years of months as bars, the same month a year before as a dash over each, and the table."""
    said = snapshot["sales"]
    if said is None or not said["months"]:
        return missing(snapshot, "sales", word("sales", lang), "sales_report", lang)
    months, currency = said["months"], snapshot["currency"]
    by_month = {m["start"][:7]: m["revenue"] for m in months}
    drawn = []
    for one in months:
        month = one["start"][:7]
        before = by_month.get(f"{int(month[:4]) - 1}{month[4:]}")
        drawn.append(Bar(month[2:], one["revenue"], before, f"{month}: {money(one['revenue'], currency, lang)}",
                         faint=not one["complete"]))  # fmt: skip
    top = max(m["revenue"] for m in months)
    ticks = [(at, short_money(at, currency, lang)) for at in round_ticks(top)]
    first, last = months[0]["start"][:7], months[-1]["start"][:7]
    keys = (
        ("key", "revenue", any(m["complete"] for m in months)),
        ("key dash", "last year", any(bar.before is not None for bar in drawn)),
        ("key faint", "running", not months[-1]["complete"]),
    )
    marks = [tag("span", tag("span", class_=kind), word(name, lang)) for kind, name, drew in keys if drew]
    head = [word("month", lang), word("revenue", lang), word("orders", lang), word("before", lang),
            word("year before", lang)]  # fmt: skip
    rows = [
        [m["start"][:7], money(m["revenue"], currency, lang), f"{m['orders']:,}",
         *("–" if m[k] is None else change(m[k]) for k in ("revenue_change", "revenue_change_year"))]
        for m in reversed(months)
    ]  # fmt: skip
    alt = f"{word('sales', lang)}, {first} ~ {last}"
    shown = [
        tag("figure", bars(drawn, ticks, alt=alt), tag("figcaption", *marks, class_="legend")),
        folded(word("as table", lang), table(head, rows, name=alt)),
    ]
    return section("sales", word("sales", lang), shown, source=said["source"], lang=lang, day=f"{first} ~ {last}")


def churn_and_segments(snapshot: Snapshot, lang: str) -> Markup:
    """Customers by risk, and the segments that ask for care. Counts only."""
    churn, segments = snapshot["churn"], snapshot["segments"]
    shown: list[str | None] = []
    used = [one["source"] for one in (churn, segments) if one]
    if churn:
        rows = [
            [fixed(b["band"], lang), f"≥ {percent(b['from'], 0)}", count(b["customers"], lang, "명"),
             _share(b["customers"] / max(1, churn["customers"]))]
            for b in churn["bands"]
        ]  # fmt: skip
        head = [word("band", lang), word("from probability", lang), word("customers", lang), word("share", lang)]
        shown += [
            tag("p", clean(churn["horizon_rule"]), class_="soft", lang="ko"),
            table(head, rows, name=word("risk", lang), stack=True),
        ]
    if segments:
        care = [s for s in segments["segments"] if s["segment"] in ("놓치면 안 될 고객", "이탈 위험", "휴면 예정")]
        rows = [
            [fixed(s["segment"], lang), count(s["customers"], lang, "명"),
             money(s["revenue"], snapshot["currency"], lang), s["action"]]
            for s in care
        ]  # fmt: skip
        head = [word("segment", lang), word("customers", lang), word("revenue", lang), word("to do", lang)]
        shown.append(table(head, rows, words=(0, 3), name=word("segment", lang), stack=True) if rows else None)
    if not used:
        return missing(snapshot, "risk", word("risk", lang), "churn, rfm", lang)
    return section(
        "risk", word("risk", lang), shown, source=", ".join(used), lang=lang, day=churn["as_of"] if churn else ""
    )


def _share(share: float) -> Markup:
    return share_bar(share, alt=percent(share))


def clv(snapshot: Snapshot, lang: str) -> Markup:
    """What customers are expected to bring, how sure that is, and how the model did on days it had not seen."""
    said = snapshot["clv"]
    if said is None:
        return missing(snapshot, "clv", word("clv", lang), "clv", lang)
    currency, expected, held = snapshot["currency"], said["expected_revenue_365"], said["holdout"]
    cards = []
    if expected:
        span = f"{money(expected['low'], currency, lang)} ~ {money(expected['high'], currency, lang)}"
        told = f"{word('interval', lang)} {span}"
        cards.append(_card(word("next year", lang), money(expected["value"], currency, lang), told, []))
    if said["customers_alive"] is not None:
        of = f"/ {count(said['customers'], lang, '명')}"
        cards.append(_card(word("alive", lang), count(said["customers_alive"], lang, "명"), of, []))
    if said["top_20_percent_share"] is not None:
        cards.append(_card(word("top share", lang), percent(said["top_20_percent_share"]), str(said["model"]), []))
    if held and held["total_error"] is not None:
        days = f"{held['days']}{'일' if lang == 'ko' else ' days'}"
        cards.append(_card(word("hold-out", lang), percent(abs(held["total_error"])), days, []))
    return section(
        "clv", word("clv", lang), [tag("ul", *cards, class_="cards")], source=said["source"], lang=lang,
        day=said["as_of"],
    )  # fmt: skip


def campaigns(snapshot: Snapshot, lang: str) -> Markup:
    """Each coupon: who got it against who did not."""
    said = snapshot["campaigns"]
    if said is None or not said["rows"]:
        return missing(snapshot, "campaigns", word("campaigns", lang), "campaign_response", lang)
    rows = [
        [
            clean(r["name"]),
            _lift(r),
            fixed(r["verdict"], lang),
            count(r["issued"], lang, "건"),
            "–" if r["use_rate"] is None else percent(r["use_rate"]),  # nobody has it yet
        ]
        for r in said["rows"]
    ]
    head = [word(k, lang) for k in ("coupon", "lift", "verdict", "issued", "use rate")]
    shown = [
        table(head, rows, words=(0, 2), name=word("campaigns", lang), stack=True),
        _others(said["coupons"], len(rows), lang),
    ]
    return section("campaigns", word("campaigns", lang), shown, source=said["source"], lang=lang)


def _lift(row: dict[str, Any]) -> str:
    if row["lift"] is None:
        return "–"
    low, high = effect_text(row["lift_low"], "points"), effect_text(row["lift_high"], "points")
    return f"{effect_text(row['lift'], 'points')} ({low} ~ {high})"


def _others(total: int, shown: int, lang: str) -> Markup | None:
    if total <= shown:
        return None
    return tag("p", f"외 {total - shown}건" if lang == "ko" else f"and {total - shown} more", class_="soft")


def stock(snapshot: Snapshot, lang: str) -> Markup:
    """What runs out soon, and what is silent against its habit."""
    said = snapshot["stock"]
    if said is None:
        return missing(snapshot, "stock", word("stock", lang), "stock_alerts", lang)
    counts = " · ".join(f"{fixed(name, lang)} {n:,}" for name, n in said["alerts"].items())
    shown: list[str | None] = [tag("p", counts, class_="soft")]
    rows = [
        [clean(r["product_name"] or r["product_no"]), fixed(r["alert"], lang),
         "–" if r["stock_quantity"] is None else f"{r['stock_quantity']:,.0f}", _days(r)]
        for r in said["urgent"]
    ]  # fmt: skip
    head = [word(k, lang) for k in ("product", "alert", "left", "days left")]
    shown.append(
        table(head, rows, name=word("stock", lang), stack=True) if rows else tag("p", word("none urgent", lang))
    )
    shown.append(_others(said["urgent_total"], len(rows), lang))
    if silent := said["suspected_stock_outs"]:
        lines = [
            tag("li", clean(str(r.get("product_name") or r.get("name") or r.get("product_no"))),
                f" — {word('silent days', lang)} {r['silent_days']:,}")
            for r in silent
        ]  # fmt: skip
        shown += [tag("h3", word("silent products", lang)), tag("ul", *lines, class_="plain")]
    return section("stock", word("stock", lang), shown, source=said["source"], lang=lang, day=said["as_of"])


def _days(row: dict[str, Any]) -> str:
    if row["days_left"] is None:
        return "–"
    if row["days_left_low"] is None or row["days_left_high"] is None:
        return f"{row['days_left']:,.0f}"
    return f"{row['days_left']:,.0f} ({row['days_left_low']:,.0f}~{row['days_left_high']:,.0f})"


def cohorts(snapshot: Snapshot, lang: str) -> Markup:
    """The heat map: how many of a month's first buyers bought again in each month after."""
    said = snapshot["cohorts"]
    if said is None or not said["rows"]:
        return missing(snapshot, "cohorts", word("cohorts", lang), "cohorts", lang)
    width = max((len(r["retention"]) for r in said["rows"]), default=0)
    top = max((v for r in said["rows"] for v in r["retention"] if v is not None), default=0.0)
    head = [word("first month", lang), word("size", lang), *(f"+{i}" for i in range(1, width + 1))]
    lines = []
    for row in said["rows"]:
        cells = [
            tag("td", "" if v is None else f"{v * 100:.0f}%", class_=None if v is None else heat(v, top))
            for v in row["retention"]
        ]
        blank = [tag("td", "") for _ in range(width - len(cells))]
        lines.append(tag("tr", tag("th", row["cohort"], scope="row"), tag("td", f"{row['size']:,}"), *cells, *blank))
    columns = tag("tr", *(tag("th", text, scope="col") for text in head))
    drawn = tag("table", tag("thead", columns), tag("tbody", *lines), class_="heat")
    shown = [
        tag("p", f"+n: n{word('months after', lang)}" if lang == "ko" else f"+n: n {word('months after', lang)}",
            class_="soft"),
        scroll(drawn, word("cohorts", lang)),
    ]  # fmt: skip
    return section("cohorts", word("cohorts", lang), shown, source=said["source"], lang=lang)


def quality(snapshot: Snapshot, lang: str) -> Markup:
    """Rows landed and set aside, and the graph's health."""
    said = snapshot["quality"]
    health = said["health"]
    score = word("not checked", lang) if health is None else f"{health['score']:g} / 100"
    cards = [
        _card(word("graph health", lang), score, "", []),
        _card(word("set aside", lang), count(said["quarantined"], lang, "행"), "", []),
    ]
    shown: list[str | None] = [tag("ul", *cards, class_="cards")]
    if health and health["alarm"]:
        shown.append(tag("p", clean(health["alarm"]), class_="flag", lang="ko"))
    if said["reasons"]:
        rows = [[clean(r["reason"]), f"{r['rows']:,}"] for r in said["reasons"]]
        shown.append(table([word("reason", lang), word("rows", lang)], rows, name=word("set aside", lang)))
    landed = [[table_name(name, lang), f"{n:,}"] for name, n in said["rows"].items()]
    frame = table([word("table", lang), word("rows", lang)], landed, name=word("quality", lang))
    shown.append(folded(word("landed tables", lang), frame))
    return section("quality", word("quality", lang), shown, source="lake, ontology.health_checked", lang=lang)


def limits(snapshot: Snapshot, lang: str) -> Markup:
    """What can't be told from these data, and what it would take."""
    lines = []
    for gap in snapshot["gaps"]:
        title = gap["title_ko"] if lang == "ko" else gap["title_en"]
        lines.append(tag("li", tag("b", title), f": {why(gap, lang)} ", tag("code", gap["source"])))
    unjudged = [f for f in snapshot["findings"] if f["state"] == "insufficient_data"]
    if unjudged:
        items = [tag("li", clean(f["title"]), lang="ko") for f in unjudged]
        name = f"{word('insufficient', lang)} ({len(unjudged)})"
        lines.append(tag("li", folded(name, tag("ul", *items, class_="plain"))))
    tentative = snapshot["patterns_by_status"].get("tentative", 0)
    lines.append(tag("li", f"{word('tentative', lang)}: {count(tentative, lang, '건')}"))
    lines.append(tag("li", word("caution", lang)))
    shown = [tag("ul", *lines, class_="plain")]
    return section("limits", word("limits", lang), shown, source="analyses, patterns", lang=lang)
