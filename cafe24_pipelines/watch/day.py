"""The day in a page: each figure beside what such a day usually is, what was found or retracted, feedback, research.

Words are templates over computed figures; each figure carries the query that gives it. A day like others is told as
one. Does not belong here: the test itself (`measures.py`), or the week (`week.py`).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.watch.churn_signal import SIGNALLED
from cafe24_pipelines.watch.measures import (
    LEAST_WEEKS,
    History,
    Judged,
    Silence,
    Span,
    amount,
    history_of,
    judge_day,
    latest_day,
    local_day,
    series_of,
    silence,
    to_row,
)
from cafe24_pipelines.watch.news import News, news
from cafe24_pipelines.watch.ontology_alarm import ALARM

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.crm.shop import Shop
    from cafe24_pipelines.stores.events import EventLog

NEWS_HOURS: Final = 24
MOST_LISTED: Final = 8
_CHART_DAYS: Final = 56
_STOPPED_LISTED: Final = 10
"""Products that the summary of the stock analysis names at most: that many may be more."""
_WEEKDAYS: Final = {"ko": "월화수목금토일", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}


@dataclass(frozen=True)
class Day:
    """A mall's day. `judged` is empty when the history is too short; `stock` is the stock analysis's summary.

    `silence` is what has passed since the last order.
    """

    mall: "Mall"
    span: Span
    history: History
    judged: list[Judged]
    news: News
    stock: dict[str, Any] | None
    now: datetime
    silence: Silence | None = None

    @property
    def differing(self) -> list[Judged]:
        """Figures that are not as usual, the surest first."""
        return sorted((j for j in self.judged if j.differs), key=lambda j: (j.adjusted, j.metric.name))

    def rows(self) -> list[dict[str, Any]]:
        """Every figure as plain values, with its query."""
        return [to_row(one, self.mall.currency) for one in self.judged]


def look_at_day(
    shop: "Shop", mall: "Mall", log: "EventLog", *, now: datetime, stock: dict[str, Any] | None = None
) -> Day | None:
    """The mall's latest day and the last 24 hours' news; None for a mall without data.

    Args:
        shop: the mall's lake.
        mall: whose.
        log: the installation's event log.
        now: aware; a day that it lies in is compared as far as it has landed.
        stock: summary of the stock analysis, where it is published.
    """
    span = latest_day(shop, mall, now)
    if span is None:
        return None
    told = news(log, mall.mall_id, now - timedelta(hours=NEWS_HOURS), now)
    usable = stock if stock and stock.get("status") == "ok" else None
    history = history_of(shop, mall, span.day)
    return Day(mall, span, history, judge_day(shop, mall, span), told, usable, now, silence(shop, mall, now))


def named_day(day: date, lang: str = "ko") -> str:
    """A day with its weekday."""
    weekday = _WEEKDAYS[lang][day.weekday()]
    return f"{day.month}월 {day.day}일({weekday})" if lang == "ko" else f"{weekday} {day.isoformat()}"


def day_chart(shop: "Shop", day: Day) -> str:
    """Net sales of the last eight weeks, and the range of such a day, as SVG ("" without a range)."""
    from cafe24_pipelines.crm.charts import Line, curves

    sales = next((j for j in day.judged if j.metric.name == "revenue"), None)
    if sales is None:
        return ""
    days = [day.span.day - timedelta(days=back) for back in range(_CHART_DAYS, -1, -1)]
    at = list(range(-_CHART_DAYS, 1))
    y = series_of(shop, day.mall, days, day.span.until)["revenue"]
    same = at[::7]
    usual = Line("같은 요일의 평소 범위", same, [sales.expected] * len(same), [sales.low] * len(same),
                 [sales.high] * len(same), dashed=True)  # fmt: skip
    title = f"순매출: {day.span.day.isoformat()}까지 8주"
    return curves([Line("순매출", at, y), usual], title=title, x="날(0이 그날)", y=f"순매출({day.mall.currency})")


# -- words -------------------------------------------------------------------------------------------------------


def day_text(day: Day, lang: str = "ko") -> str:
    """The page in Markdown."""
    ko = lang == "ko"
    head = f"# {named_day(day.span.day, lang)} " + ("하루 요약" if ko else "in short")
    lines = [head, "", _extent(day, lang), "", *_verdict(day, lang)]
    if day.judged:
        lines += ["", *_table(day, lang)]
    if day.stock:
        lines += ["", *_stock(day.stock, lang)]
    lines += ["", *_news(day.news, lang)]
    return "\n".join(lines)


def _extent(day: Day, lang: str) -> str:
    hours = f"{day.span.until // 3600:02}:{day.span.until // 60 % 60:02}"
    if not day.judged:
        landed = (
            f"아직 끝나지 않은 날입니다. {hours}까지 들어온 자료입니다." if lang == "ko" else f"Landed until {hours}."
        )
        return landed if day.span.running else _since(day, lang).strip()
    past, kept = day.history.span, day.history.weeks
    if lang == "ko":
        weeks = f"지난 {past}주" if kept == past else f"지난 {past}주 가운데 주문이 있던 {kept}주"
        if day.span.running:
            same = f"{weeks} 같은 요일의 같은 시각까지와 비교합니다."
            return f"아직 끝나지 않은 날입니다. {hours}까지 들어온 자료를 {same}"
        return f"{_since(day, lang)}하루 전체를 {weeks}의 같은 요일과 비교합니다."
    weeks = f"the last {past} weeks" if kept == past else f"the {kept} of the last {past} weeks that had orders"
    until = f" until {hours}, each day to the same hour" if day.span.running else ""
    return f"{_since(day, lang)}Compared with the same weekday of {weeks}{until}."


def _since(day: Day, lang: str) -> str:
    """Says first of all that the day is not today."""
    late = (local_day(day.now, day.mall) - day.span.day).days
    if late < 1 or day.span.running:
        return ""
    if late == 1:
        few = "오늘 자료가 아직 한 시간치도 들어오지 않아 어제를 봅니다. "
        return few if lang == "ko" else "Not an hour of today has landed. "
    days, last = late - 1, named_day(day.span.day, lang)
    return f"자료가 {last}까지입니다. 그 뒤로 꼬박 {days}일 동안 들어온 것이 없습니다. " if lang == "ko" else (
        f"The data end on {last}; nothing has come for {days} whole days. "
    )  # fmt: skip


def _silent(day: Day, lang: str) -> list[str]:
    """A silence that can't well be chance: either landing stopped or sales did, and nothing here can tell which."""
    told = day.silence
    if told is None or not told.loud:
        return []
    p, visited = p_text(told.p), named_day(day.span.day, lang) if day.span.day > told.last else ""
    if lang == "ko":
        usual = f"이만한 기간이면 보통 주문이 {told.expected:,.0f}건쯤 있습니다(우연히 하나도 없을 확률 p {p})."
        landed = f" 방문 기록은 {visited}까지 들어왔습니다." if visited else ""
        check = f"{landed} 자료 수집이 멈췄는지, 주문이 되는지 확인하세요."
        return [f"- **{told.days}일째 주문이 없습니다.** {usual}{check}"]
    usual = f"So many days usually bring {told.expected:,.0f} (p of none {p})."
    usual += f" Visits landed until {visited}." if visited else ""
    return [f"- **No orders for {told.days} days.** {usual} See whether landing stopped, or orders can't be placed."]


def _verdict(day: Day, lang: str) -> list[str]:
    ko, currency, count = lang == "ko", day.mall.currency, len(day.judged)
    if not day.judged:
        least = f"{LEAST_WEEKS}주" if ko else f"{LEAST_WEEKS} weeks"
        have = day.history.weeks
        few = (f"비교할 자료가 모자랍니다: {least}가 필요한데 {have}주뿐입니다." if ko
               else f"Too little history: {least} are needed, there are {have}.")  # fmt: skip
        return [*_silent(day, lang), few]
    lines = _silent(day, lang) + [_differs(one, currency, lang) for one in day.differing]
    if not day.differing:
        said = "그날 하루만 보면 평소와 같습니다." if lines else "평소와 같습니다."
        usual = f"- **{said}** 지표 {count}개를 함께 따져(5% 수준) 다르다고 할 것이 없습니다."
        english = f"- **A day as usual.** None of {count} figures, tested together at 5 %, differs."
        lines.append(usual if ko else english)
    return lines + [_by_chance(one, day, lang) for one in day.judged if one.outside and not one.differs]


def _by_chance(one: Judged, day: Day, lang: str) -> str:
    """A figure outside of its own range, which with so many figures means nothing yet."""
    value, count = amount(one.metric, one.value, day.mall.currency, lang), len(day.judged)
    if lang == "ko":
        chance = f"지표 {count}개를 함께 보면 우연일 수 있습니다."
        return f"- {one.metric.title_ko} {value}: 혼자 보면 범위 밖이지만, {chance}"
    return f"- {one.metric.title_en} {value}: outside its own range, but among {count} figures that can be chance."


def _differs(one: Judged, currency: str, lang: str) -> str:
    value, usual, low, high = (amount(one.metric, v, currency, lang) for v in (one.value, round(one.expected, 1),
                                                                               one.low, one.high))  # fmt: skip
    p = p_text(one.adjusted)
    if lang == "ko":
        way = "평소보다 많음" if one.differs > 0 else "평소보다 적음"
        range_ko = f"평소 이런 날은 {usual}쯤이고, 100일 가운데 95일은 {low}~{high}입니다"
        return f"- **{one.metric.title_ko}: {way}** — {value}. {range_ko}(보정 p {p})."
    way = "more than usual" if one.differs > 0 else "less than usual"
    return f"- **{one.metric.title_en}: {way}** — {value}, expected {usual} (95% {low} to {high}), adjusted p {p}"


def p_text(p: float) -> str:
    """A p-value: three places, or that it is smaller."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def p_note(lang: str) -> str:
    """What the adjusted p is, for who has never seen one."""
    if lang == "ko":
        why = "평소와 다름없어도 우연히 이만큼 벗어날 확률을, 지표 여러 개를 함께 본 만큼 엄격하게 고친 값"
        return f"보정 p는 {why}이며, 0.05보다 작을 때만 다르다고 합니다."
    return "Adjusted p: the chance of so much by chance alone, corrected for all figures; below 0.05 it is told."


def _table(day: Day, lang: str) -> list[str]:
    ko, currency = lang == "ko", day.mall.currency
    head = (
        "| 지표 | 값 | 평소 | 평소 범위(95%) | 보정 p |"
        if ko
        else "| figure | value | expected | 95% range | adjusted p |"
    )
    rows = [head, "|---|---:|---:|---:|---:|"]
    for one in day.judged:
        title = one.metric.title_ko if ko else one.metric.title_en
        value, usual, low, high = (amount(one.metric, round(v, 1), currency, lang)
                                   for v in (one.value, one.expected, one.low, one.high))  # fmt: skip
        rows.append(f"| {title} | {value} | {usual} | {low}~{high} | {p_text(one.adjusted).removeprefix('= ')} |")
    note = (
        "취소와 낮은 평점은 평소보다 많을 때만 알립니다. 최근 주문의 취소·반품은 뒤늦게 반영됩니다. "
        if ko
        else "Cancellations and low ratings are told only when there are more. Those of recent orders come later. "
    )
    return [*rows, "", note + p_note(lang)]


def _stock(stock: dict[str, Any], lang: str) -> list[str]:
    stopped, out, soon = len(stock["suspected_stock_outs"]), stock["alerts"]["품절"], stock["alerts"]["임박"]
    many = stopped >= _STOPPED_LISTED
    if lang == "ko":
        more = " 이상" if many else ""
        return [f"재고({stock['as_of']}): 품절 {out}개, 임박 {soon}개, 판매가 갑자기 멈춘 상품 {stopped}개{more}."]
    more = " or more" if many else ""
    return [f"Stock ({stock['as_of']}): {out} out, {soon} soon out, {stopped}{more} that suddenly stopped selling."]


def _news(told: News, lang: str) -> list[str]:
    ko = lang == "ko"
    lines = listed([f"- 새로 확인: {one.title}" if ko else f"- New: {one.title}" for one in told.new], lang)
    gone = [f"- 철회: {one.title} — {one.reason}" if ko else f"- Retracted: {one.title}" for one in told.broke]
    lines += listed(gone, lang)
    alarms, signals = len(told.of(ALARM)), sum(e.payload["new"] for e in told.of(SIGNALLED))
    if alarms:
        lines.append(f"- 온톨로지 경보 {alarms}건" if ko else f"- Ontology alarms: {alarms}")
    if signals:
        lines.append(f"- 새로 이탈 위험에 든 고객 {signals:,}명" if ko else f"- Customers newly at risk: {signals:,}")
    if any(told.feedback.values()):
        good, bad, mend = (told.feedback[v] for v in ("positive", "negative", "correction"))
        lines.append(f"- 답변 피드백: 긍정 {good}, 부정 {bad}, 정정 {mend}" if ko
                     else f"- Feedback: {good} positive, {bad} negative, {mend} corrections")  # fmt: skip
    if told.claims:
        lines.append(f"- 외부 조사에서 새 수치 {told.claims}건(모든 몰 공통)" if ko
                     else f"- New claims from research: {told.claims} (for all malls)")  # fmt: skip
    head = "## 지난 24시간" if ko else "## Last 24 hours"
    return [head, "", *(lines or ["새 소식이 없습니다." if ko else "Nothing new."])]


def listed(lines: list[str], lang: str) -> list[str]:
    """The first of many lines, and how many more there are."""
    more = len(lines) - MOST_LISTED
    if more <= 0:
        return lines
    return [*lines[:MOST_LISTED], f"- 그 밖에 {more}건" if lang == "ko" else f"- and {more} more"]


def queries(day: Day) -> dict[str, str]:
    """The query of every figure, by its name."""
    return {one.metric.name: one.query for one in day.judged}
