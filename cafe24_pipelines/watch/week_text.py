"""A week in words: Markdown in Korean or English, by templates over what `week.py` computed, and its charts.

A statement is made only of what was measured or logged: what differs beyond chance, what happened, what is open. A
quiet week is told as one. Titles of findings are Korean in either language. Does not belong here: computing.
"""

from typing import TYPE_CHECKING, Any

from cafe24_pipelines.operations.failures import FAILED
from cafe24_pipelines.research.comparison import ALERT as RESEARCH_ALERT
from cafe24_pipelines.watch.churn_signal import REFITTED, SIGNALLED
from cafe24_pipelines.watch.day import listed, named_day, p_note, p_text
from cafe24_pipelines.watch.measures import LEAST_WEEKS, amount
from cafe24_pipelines.watch.ontology_alarm import ALARM, RECOVERED
from cafe24_pipelines.watch.week import Figure, Week, daily_sales

if TYPE_CHECKING:
    from cafe24_pipelines.crm.shop import Shop
    from cafe24_pipelines.watch.week import WeekSpan


def week_text(week: Week, lang: str = "ko") -> str:
    """The retrospective in Markdown."""
    ko = lang == "ko"
    title = "한 주 돌아보기" if ko else "The week"
    lines = [f"# {title}: {_days(week.calendar, lang)}", "", *_headline(week, lang), ""]
    sections = (
        ("숫자" if ko else "Figures", _figures(week, lang)),
        ("알게 된 것" if ko else "Findings", _findings(week, lang)),
        ("일어난 일" if ko else "What happened", _happened(week, lang)),
        ("지난 약속" if ko else "What was promised", _kept(week, lang)),
        ("다음 주에 볼 것" if ko else "To look at next week", _promised(week, lang)),
    )
    for head, body in sections:
        lines += [f"## {head}", "", *body, ""]
    return "\n".join(lines).rstrip() + "\n"


def week_chart(shop: "Shop", week: Week) -> str:
    """Net sales of each day beside the mean of that weekday in the weeks before, as SVG ("" without figures)."""
    from cafe24_pipelines.crm.charts import Line, curves

    if week.span is None or not week.figures:
        return ""
    sold, usual = daily_sales(shop, week.mall, week.span)
    at = list(range(1, week.span.days + 1))
    lines = [Line("이번 주", at, sold), Line("지난 주들의 평균", at, usual, dashed=True)]
    title = f"순매출: {week.span.first.isoformat()}부터 하루씩"
    return curves(lines, title=title, x="날(1은 일요일)", y=f"순매출({week.mall.currency})")


def health_chart(points: "list[tuple[str, float]]") -> str:
    """The graph's score over its checks, as SVG ("" before the first)."""
    from cafe24_pipelines.crm.charts import Line, curves
    from cafe24_pipelines.ontology.health_history import FLOOR

    if not points:
        return ""
    line = Line("점수", list(range(1, len(points) + 1)), [score for _, score in points])
    return curves([line], title="온톨로지 점수", x=f"점검({points[0][0]}부터)", y="점수", marks=(FLOOR,))


# -- inside --------------------------------------------------------------------------------------------------


def _days(span: "WeekSpan", lang: str) -> str:
    return f"{named_day(span.first, lang)}~{named_day(span.last, lang)}"


def _headline(week: Week, lang: str) -> list[str]:
    ko = lang == "ko"
    late = _late(week, lang)
    if week.quiet and week.figures and not late:
        return ["**조용한 한 주였습니다.** 평소와 다른 숫자도, 살펴볼 일도 없었습니다." if ko
                else "**A quiet week.** No figure differs from its usual, and nothing needs a look."]  # fmt: skip
    if week.quiet:
        why = [] if late else ["숫자는 아직 비교할 수 없습니다." if ko else "The figures can't be compared yet."]
        return [" ".join([*late, "살펴볼 일은 없었습니다." if ko else "Nothing needs a look.", *why])]
    found = [(korean if ko else english).format(f"{count:,}") for count, korean, english in _counts(week) if count]
    return [" ".join([*late, ("이번 주: " if ko else "This week: ") + ", ".join(found) + "."])]


def _counts(week: Week) -> list[tuple[int, str, str]]:
    """How many of each kind of thing happened."""
    told = week.news
    risk = sum(e.payload["new"] for e in told.of(SIGNALLED))
    complaints = told.feedback["negative"] + told.feedback["correction"]
    earlier = set(week.still_failing) - {str(e.payload["job"]) for e in told.of(FAILED)}
    return [
        (len(week.differing), "달라진 숫자 {}개", "{} figures that differ"),
        (len(told.new), "새로 확인한 것 {}건", "{} new findings"),
        (len(told.broke), "철회한 것 {}건", "{} retracted"),
        (len(told.of(ALARM)), "온톨로지 경보 {}건", "{} alarms of the graph"),
        (int(week.standing_alarm and not told.of(ALARM)), "이어지는 온톨로지 경보 {}건", "{} standing alarm"),
        (risk, "새로 이탈 위험에 든 고객 {}명", "{} customers newly at risk"),
        (len(told.of(FAILED)), "실패한 실행 {}건", "{} failed runs"),
        (len(earlier), "전부터 안 되는 작업 {}개", "{} jobs failing since before"),
        (complaints, "답변에 대한 지적 {}건", "{} complaints about answers"),
        (len(told.of(RESEARCH_ALERT)), "외부 조사 알림 {}건", "{} alerts of research"),
    ]


def _late(week: Week, lang: str) -> list[str]:
    """Says first of all that data are missing, where they are."""
    if week.as_of is None or week.as_of >= week.calendar.end:
        return []
    days = (week.calendar.end - week.as_of).days
    return [f"**마지막 {days}일의 자료가 없습니다**({week.as_of}까지만 들어왔습니다)." if lang == "ko"
            else f"**The last {days} days have no data** (they end on {week.as_of})."]  # fmt: skip


def _figures(week: Week, lang: str) -> list[str]:
    ko = lang == "ko"
    if week.span is None:
        return ["자료가 없습니다." if ko else "There are no data."]
    lines = _which_days(week, lang)
    if not week.figures:
        return [
            *lines,
            f"비교할 자료가 {LEAST_WEEKS}주에 못 미칩니다." if ko else f"Less than {LEAST_WEEKS} weeks of data.",
        ]
    if week.gaps:
        lines += [f"주문이 하나도 없던 {week.gaps}주는 평소를 셈할 때 뺐습니다." if ko
                  else f"{week.gaps} weeks without any order are left out of what is expected.", ""]  # fmt: skip
    said = [line for figure in week.figures for line in _figure(figure, week, lang)]
    as_usual = (
        f"- 평소와 같습니다. 비교 {2 * len(week.figures)}개를 함께 따져(5% 수준) 다르다고 할 것이 없습니다."
        if ko
        else f"- As usual: none of {2 * len(week.figures)} comparisons, tested together at 5 %, differs."
    )
    return [*lines, *(said or [as_usual]), "", *_table(week, lang), "", p_note(lang)]


def _which_days(week: Week, lang: str) -> list[str]:
    """Says when the figures are not of the whole calendar week."""
    ko, span = lang == "ko", week.span
    if span is None or (week.current and span.days == 7):
        return []
    if week.current:
        day = named_day(span.last, lang)
        return [f"자료가 {day}까지라, 다른 주도 같은 {span.days}일만 셌습니다." if ko
                else f"The data end on {day}; the other weeks are cut to the same {span.days} days.", ""]  # fmt: skip
    return [f"자료가 {week.as_of}까지입니다. 숫자는 그 마지막 온전한 주({_days(span, lang)})의 것입니다." if ko
            else f"The data end on {week.as_of}: these figures are of {_days(span, lang)}.", ""]  # fmt: skip


def _figure(figure: Figure, week: Week, lang: str) -> list[str]:
    """What is to be said of a figure: nothing, when it differs from neither."""
    one, currency, said = figure.judged, week.mall.currency, []
    value, usual, low, high, before = (
        amount(one.metric, round(v), currency, lang)
        for v in (one.value, one.expected, one.low, one.high, figure.before)
    )
    p, p_before = p_text(one.adjusted), p_text(figure.adjusted_before)
    ratio, times = figure.ratio, ("", "")
    if ratio:
        reach = f"(95% {ratio.low:.2f}~{ratio.high:.2f})"
        times = f", 지난주의 {ratio.value:.2f}배{reach}", f", ratio {ratio.value:.2f} {reach}"
    if lang == "ko":
        title = one.metric.title_ko
        if one.differs:
            way = "평소보다 많음" if one.differs > 0 else "평소보다 적음"
            said.append(f"- **{title}: {way}** — {value}. 평소 이런 주는 {usual}쯤이고, 100주 가운데 95주는 "
                        f"{low}~{high}입니다(보정 p {p}).")  # fmt: skip
        if figure.changed:
            way = "지난주보다 늘었음" if figure.changed > 0 else "지난주보다 줄었음"
            said.append(f"- **{title}: {way}** — {before}에서 {value}{times[0]}, 보정 p {p_before}.")
        return said
    title = one.metric.title_en
    if one.differs:
        way = "above its usual" if one.differs > 0 else "below its usual"
        said.append(f"- **{title}: {way}** — {value}, expected {usual} (95% {low} to {high}), adjusted p {p}")
    if figure.changed:
        way = "more than the week before" if figure.changed > 0 else "less than the week before"
        said.append(f"- **{title}: {way}** — {before} to {value}{times[1]}, adjusted p {p_before}")
    return said


def _table(week: Week, lang: str) -> list[str]:
    ko, currency = lang == "ko", week.mall.currency
    head = (
        "| 지표 | 이번 주 | 지난주 | 지난주의 몇 배(95%) | 평소(95% 범위) |"
        if ko
        else "| figure | week | before | times before (95%) | expected (95%) |"
    )
    rows = [head, "|---|---:|---:|---:|---:|"]
    for figure in week.figures:
        one, ratio = figure.judged, figure.ratio
        cells = [amount(one.metric, round(v), currency, lang)
                 for v in (one.value, figure.before, one.expected, one.low, one.high)]  # fmt: skip
        times = f"{ratio.value:.2f} ({ratio.low:.2f}~{ratio.high:.2f})" if ratio else "–"
        title = one.metric.title_ko if ko else one.metric.title_en
        rows.append(f"| {title} | {cells[0]} | {cells[1]} | {times} | {cells[2]} ({cells[3]}~{cells[4]}) |")
    return rows


def _findings(week: Week, lang: str) -> list[str]:
    ko, told = lang == "ko", week.news
    lines = listed([f"- {'새로 확인' if ko else 'New'}: {one.title}" for one in told.new], lang)
    lines += listed([f"- {'철회' if ko else 'Retracted'}: {one.title} — {one.reason}" for one in told.broke], lang)
    if told.held:
        held, measured = len(told.held), sum(one.measured for one in told.held)
        lines.append(f"- 유지된 것 {held}건(이번 주에 새로 잰 것 {measured}건)" if ko
                     else f"- {held} held, {measured} of them measured anew")  # fmt: skip
    return lines or ["새로 알게 되거나 철회한 것이 없습니다." if ko else "Nothing new, nothing retracted."]


def _happened(week: Week, lang: str) -> list[str]:
    ko, told = lang == "ko", week.news
    lines = [
        f"- {'온톨로지 경보' if ko else 'Alarm of the graph'}: {' '.join(e.payload['reasons'])}"
        for e in told.of(ALARM)
    ]
    lines += ["- 온톨로지 경보가 끝났습니다." if ko else "- An alarm of the graph ended." for _ in told.of(RECOVERED)]
    if week.standing_alarm:
        lines.append("- 주말 현재 온톨로지 경보가 이어지고 있습니다." if ko else "- An alarm of the graph stands.")
    lines += _signals(week, lang)
    failed = sorted({str(e.payload["job"]) for e in told.of(FAILED)})
    for job in failed:
        times = sum(e.payload["job"] == job for e in told.of(FAILED))
        over = job not in week.still_failing
        after = ("그 뒤 다시 됨" if over else "아직 안 됨") if ko else ("works again" if over else "still failing")
        lines.append(f"- 작업 {job}: 실패 {times}회, {after}" if ko else f"- {job}: failed {times} times, {after}")
    earlier = [job for job in week.still_failing if job not in failed]
    lines += [f"- 작업 {job}: 전부터 안 됨" if ko else f"- {job}: failing since before" for job in earlier]
    lines += [f"- {e.payload['title']}" for e in told.of(RESEARCH_ALERT)]
    if told.claims:
        lines.append(
            f"- 외부 조사의 새 수치 {told.claims}건(모든 몰 공통)"
            if ko
            else f"- New claims: {told.claims} (all malls)"
        )
    if any(told.feedback.values()):
        good, bad, mend = (told.feedback[v] for v in ("positive", "negative", "correction"))
        lines.append(f"- 답변 피드백: 긍정 {good}, 부정 {bad}, 정정 {mend}" if ko
                     else f"- Feedback: {good} positive, {bad} negative, {mend} corrections")  # fmt: skip
    if week.cost:
        lines.append(f"- 모델 비용 ${week.cost:.4f}" if ko else f"- Models cost ${week.cost:.4f}")
    return lines or ["기록된 일이 없습니다." if ko else "Nothing is on record."]


def _signals(week: Week, lang: str) -> list[str]:
    ko, signals, lines = lang == "ko", [e.payload for e in week.news.of(SIGNALLED)], []
    if signals:
        people, value = sum(s["new"] for s in signals), sum(s["value_at_stake"] for s in signals)
        currency = signals[0]["currency"]
        bought = f"{value:,.0f} {currency}"
        lines.append(f"- 새로 이탈 위험에 든 고객 {people:,}명, 지난 1년 구매액 {bought}" if ko
                     else f"- Customers newly at risk: {people:,}, who bought {bought} in a year")  # fmt: skip
        lines += [f"- {text}" for text in sorted({s["caveat"] for s in signals if s["caveat"]}) if ko]
    refits = sum(e.payload["by_refit"] for e in week.news.of(REFITTED))
    if refits:
        lines.append(f"- 모형이 다시 학습되어 기준을 넘은 고객 {refits:,}명(행동 변화가 아님)" if ko
                     else f"- Over the line by a refit alone: {refits:,} customers")  # fmt: skip
    return lines


def _kept(week: Week, lang: str) -> list[str]:
    ko = lang == "ko"
    if week.earlier is None:
        return ["첫 돌아보기입니다." if ko else "This is the first retrospective."]
    marks: dict[str, Any] = {"kept": "[x]", "open": "[ ]", "unknown": "[?]"}
    lines = [f"- {marks[outcome]} {p.text} → {told}" for p, outcome, told in week.kept if p.kind != "finding"]
    findings = [(p, outcome) for p, outcome, _ in week.kept if p.kind == "finding"]
    if findings:
        held, gone, rest = (sum(o == kind for _, o in findings) for kind in ("kept", "open", "unknown"))
        mark = "[x]" if not gone + rest else "[ ]"
        lines.append(
            f"- {mark} 지난번에 새로 확인한 {len(findings)}건: 유지 {held}, 철회 {gone}, 기록 없음 {rest}" if ko
            else f"- {mark} {len(findings)} findings that were new: {held} held, {gone} retracted, {rest} unknown"
        )  # fmt: skip
    return lines or ["지난 돌아보기에서 남긴 것이 없습니다." if ko else "Nothing was left open."]


def _promised(week: Week, lang: str) -> list[str]:
    ko = lang == "ko"
    lines = [f"- {one.text}" for one in week.promises if one.kind != "finding"]
    findings = sum(one.kind == "finding" for one in week.promises)
    if findings:
        lines.append(f"- 새로 확인한 것 {findings}건이 유지되는지 봅니다." if ko
                     else f"- Whether the {findings} new findings hold.")  # fmt: skip
    return lines or ["남긴 것이 없습니다." if ko else "Nothing is left open."]
