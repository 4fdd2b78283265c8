"""The page: one valid file that needs nothing else, in which no name becomes markup, on any width."""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from bs4 import BeautifulSoup
from lxml import etree

from cafe24_pipelines.reports.findings import effect_text, effect_unit, what_changed
from cafe24_pipelines.reports.markup import Markup, join, tag
from cafe24_pipelines.reports.page import LANGUAGES, render
from cafe24_pipelines.reports.pictures import round_ticks
from cafe24_pipelines.reports.texts import corrected, short_money
from tests.reports.conftest import HOSTILE, MEMBER_KEY, PHONE, empty_snapshot, full_sections, made_finding

Make = Callable[..., dict[str, Any]]
OF_SVG = {"svg", "g", "line", "rect", "circle", "text", "title"}
ELEMENTS = OF_SVG | {
    "html", "head", "meta", "style", "body", "header", "main", "footer", "section", "article", "figure", "p", "span",
    "figcaption", "details", "summary", "div", "b", "small", "code", "pre", "time", "a", "ul", "li", "h1", "h2", "h3",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


@pytest.fixture(params=LANGUAGES)
def page(request: pytest.FixtureRequest, snapshot: Make) -> str:
    """A page with everything on it, in each language."""
    changed = {"source": "patterns", "first": False, "as_of": "2026-10-31", "new": [{"id": "p001", "title": "새것"}],
               "moved": [{"id": "p002", "title": "움직임", "effect": "repurchase_90d_difference", "from": -0.1,
                          "from_day": "2026-09-30", "to": -0.2}],
               "retracted": [{"id": "p009", "title": "[철회] 옛것"}]}  # fmt: skip
    found = [made_finding(n) for n in range(1, 9)] + [made_finding(9, state="retracted"),
             made_finding(10, state="insufficient_data")]  # fmt: skip
    return render(snapshot(0, **full_sections(), findings=found, findings_changed=changed), request.param)


def test_it_is_well_formed_and_holds_only_elements_that_we_write(page: str) -> None:
    etree.fromstring(
        re.sub(r"<meta ([^>]*)>", r"<meta \1/>", page.partition("\n")[2])
    )  # XML's parser forgives nothing
    soup = BeautifulSoup(page, "lxml")
    assert {element.name for element in soup.find_all(True)} <= ELEMENTS
    ids = Counter(element["id"] for element in soup.find_all(id=True))
    assert max(ids.values()) == 1
    for link in soup.find_all("a"):
        assert str(link["href"]).startswith("#finding-")
    assert {a["href"][1:] for a in soup.find_all("a")} == {"finding-p001", "finding-p002", "finding-p009"}
    assert {a["href"][1:] for a in soup.find_all("a")} <= set(ids)


def test_nothing_in_it_comes_from_elsewhere_or_runs(page: str) -> None:
    soup = BeautifulSoup(page, "lxml")
    assert not soup.find_all(["script", "img", "iframe", "object", "link", "form", "base"])
    for element in soup.find_all(True):
        handlers = [name for name in element.attrs if name.startswith("on") or name in ("style", "src", "srcset")]
        assert not handlers, element
    style = soup.find("style")
    assert style and style.string and "url(" not in style.string and "@import" not in style.string
    policy = str(soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"])  # type: ignore[index]
    digest = b64encode(sha256(style.string.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "http" not in page.replace("http-equiv", "")


def test_names_stay_text_and_no_person_is_named(page: str) -> None:
    text = BeautifulSoup(page, "lxml").get_text()
    assert "<script>alert('1')</script>" in text, "shown as it is"
    assert "<!channel>" in text and "\u202e" not in text
    assert PHONE not in page and MEMBER_KEY not in page


def test_every_section_says_where_its_numbers_come_from(page: str) -> None:
    soup = BeautifulSoup(page, "lxml")
    sections = soup.find_all("section")
    assert [s["id"] for s in sections] == [
        "headline", "changed", "sales", "findings", "risk", "clv", "campaigns", "stock", "cohorts", "quality",
        "limits",
    ]  # fmt: skip
    for one in sections:
        source = one.find_all("p", class_="source")[-1].find("code")
        assert source and re.fullmatch(r"[a-z_., ]+", source.get_text())
    assert not re.search(r"\b(None|nan|NaN|inf)\b", soup.get_text())


def test_figures_are_the_published_ones(snapshot: Make) -> None:
    text = BeautifulSoup(render(snapshot(3, **full_sections())), "lxml").get_text(" ")
    for figure in ("14,381,880원", "▼\u00a013.5%", "▲\u00a020.7%", "2025-08", "1,800명", "71,280,492원", "489명",
                   "-21.0%p", "-33.0%p", "12.2%", "71.25 / 100", "7건"):  # fmt: skip
        assert figure in text, figure
    dollars = BeautifulSoup(render(snapshot(3, **full_sections(), currency="USD"), "en"), "lxml").get_text(" ")
    assert "USD 14,381,880.00" in dollars and "원" not in dollars.split("Net revenue")[1][:40]


def test_a_coupon_that_nobody_got_yet_has_no_share_of_users(snapshot: Make) -> None:
    sections = full_sections()
    new = {**sections["campaigns"]["rows"][0], "name": "새 쿠폰", "issued": 0, "use_rate": None, "lift": None}
    sections["campaigns"]["rows"].append(new)
    rows = BeautifulSoup(render(snapshot(0, **sections)), "lxml").select("#campaigns tr")
    assert [cell.get_text() for cell in rows[-1].select("td")][-2:] == ["0건", "–"]


def test_a_mall_without_data_is_told_what_is_missing() -> None:
    ko, en = render(empty_snapshot()), render(empty_snapshot(), "en")
    assert "구매 고객 (현재 3, 필요 30)" in ko and "아직 분석하지 않았습니다" in ko
    assert "not analysed yet" in en and ko.count("자료가 없습니다") >= 6
    assert "자료 기준일 자료가" not in ko and "확정된 패턴이 없습니다" in ko, "none is no lack of data"
    assert "None" not in ko + en
    said = {one["id"]: one.get_text(" ") for one in BeautifulSoup(ko, "lxml").find_all("section")}
    assert "자료가 모자라 말하지 않습니다: 구매 고객 (현재 3, 필요 30)" in said["clv"], "where it is missed, why"
    assert "아직 분석하지 않았습니다" in said["risk"] and "자료가 없습니다" in said["sales"]


def test_a_mall_in_its_first_month_sees_its_figures_so_far_and_no_key_of_what_is_not_drawn(snapshot: Make) -> None:
    sales = full_sections()["sales"]
    month = {**sales["months"][0], "complete": False, "revenue": 54_000.0, "orders": 3}
    running = {**sales["running_month"], "month": "2024-01", "revenue": 54_000.0, "orders": 3}
    only = {**sales, "months": [month], "last_full_month": None, "last_full_week": None, "running_month": running}
    soup = BeautifulSoup(render(snapshot(0, sales=only)), "lxml")
    assert "54,000원 2024-01 · 진행 중" in soup.select_one("#headline").get_text(" ")  # type: ignore[union-attr]
    assert [key.get_text() for key in soup.select(".legend > span")] == ["진행 중인 달(비교하지 않음)"]
    label = soup.select_one("#sales svg[role=img] text")
    assert label and label["x"] == "50.00%", "the label of a lone bar stands beneath it"


@pytest.mark.parametrize(
    ("value", "ko", "en"),
    [(0, "0원", "0"), (9_500, "9,500원", "9.5k"), (15e6, "1,500만원", "15M"), (1.294e11, "1,294억원", "129.4B"),
     (5.6301e12, "5.63조원", "5.63T"), (6.2e16, "62,000조원", "62,000T"), (-3e8, "-3억원", "-300M")],
)  # fmt: skip
def test_an_amount_of_any_size_is_told_without_an_exponent(value: float, ko: str, en: str) -> None:
    assert (short_money(value, "KRW", "ko"), short_money(value, "KRW", "en")) == (ko, en)


def test_cells_of_the_heat_map_can_be_read_by_day_and_by_night(page: str) -> None:
    style = page.partition("<style>")[2].partition("</style>")[0]
    alphas = [float(a) for a in re.findall(r"\.h\d\{background:rgba\(var\(--heat\),([.\d]+)\)", style)]
    modes = re.findall(r"--paper:(#\w+).*?--ink:(#\w+).*?--heat:(\d+),(\d+),(\d+)", style)
    assert len(alphas) == 9 and len(modes) == 3, "light, dark, paper"
    for paper, ink, *heat in modes:
        for alpha in alphas:
            mixed = [alpha * int(h) + (1 - alpha) * p for h, p in zip(heat, _rgb(paper), strict=True)]
            dark, light = sorted((_luminance(mixed), _luminance(_rgb(ink))))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (paper, alpha)


def _rgb(colour: str) -> list[float]:
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    return [float(int(digits[i : i + 2], 16)) for i in (0, 2, 4)]


def _luminance(rgb: list[float]) -> float:
    """As WCAG defines it."""
    parts = [c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def test_public_figures_stand_beside_each_other_without_those_of_pages_that_speak_to_a_model() -> None:
    from cafe24_pipelines.reports.research_section import research_of

    rest = '://x.example/?a=1&b="2"'

    def claim(key: str, value: float, doubt: str = "") -> dict[str, Any]:
        return {"id": key, "metric": "return_rate", "value": value, "value_to": value, "unit": "%",
                "population": "KR", "period": "2025", "window_days": 0, "published": "", "source": key,
                "publisher": f"출처 {key} {HOSTILE}", "trust": "vendor", "title": "t",
                "address": ("https" if key == "a" else "javascript") + rest,
                "language": "ko", "quote": "q", "page": "h", "doubt": doubt}  # fmt: skip

    row = {"metric": "return_rate", "title": "반품률", "conflicts": [["a", "b"]], "note": "",
           "claims": [claim("a", 7.5), claim("b", 20), claim("c", 1, "its page speaks to a model")],
           "compared": [{"id": "p001", "title": "이 몰 12%: 높음", "status": "confirmed"}]}  # fmt: skip
    page = render({**empty_snapshot(), "findings": [made_finding(1)], "research": research_of([row])})
    found = BeautifulSoup(page, "lxml").find("section", id="research")
    assert found
    text = found.get_text(" ")
    assert "7.5% (다른 출처와 어긋남)" in text and "20%" in text and "출처 c" not in text and "2025" in text
    assert text.count("다른 출처와 어긋남") == 2 and found.find("a", href="#finding-p001")
    links = [str(a["href"]) for a in found.find_all("a")]
    assert links == [f"https{rest}", "#finding-p001"], "an address that is no https is no link"
    assert "<script>alert" not in page and "한국" in text
    assert research_of([]) is None and 'id="research"' not in render(empty_snapshot())


def test_equal_snapshots_give_equal_bytes(snapshot: Make) -> None:
    assert render(snapshot(5, **full_sections())) == render(snapshot(5, **full_sections()))


def test_no_width_is_fixed_beyond_a_phone(page: str) -> None:
    style = page.partition("<style>")[2].partition("</style>")[0]
    narrow = re.sub(r"@media[^{]*|max-width:[^;}]*|min\([^)]*\)", "", style)
    for value, unit in re.findall(r"(?:width|columns|basis)[^;{}]*?([\d.]+)(px|rem|em)", narrow):
        assert float(value) * (1 if unit == "px" else 16) <= 160
    assert "word-break:keep-all" in style and "overflow-wrap:anywhere" in style
    soup = BeautifulSoup(page, "lxml")
    assert all(svg["width"] == "100%" for svg in soup.find_all("svg"))
    assert len(soup.select("div.scroll > table")) == len(soup.find_all("table")) > 5


def test_markup_escapes_all_but_itself() -> None:
    assert tag("p", "<b>", Markup("<i></i>"), None, title='"x"') == '<p title="&quot;x&quot;">&lt;b&gt;<i></i></p>'
    assert join("&", tag("code", "a")) == "&amp;<code>a</code>"
    family = "\U0001f469\u200d\U0001f467"
    assert join(f"\u202e{family}\u200f") == family, "what turns the direction goes, what joins a picture stays"


def test_a_corrected_q_is_told_as_far_as_it_means_something() -> None:
    assert [corrected(q, "ko") for q in (4e-57, 0.001, 0.0123)] == [
        "보정 q < 0.001",
        "보정 q = 0.001",
        "보정 q = 0.012",
    ]


@pytest.mark.parametrize(
    ("name", "unit", "text"),
    [("repurchase_90d_difference", "points", "+25.0%p"), ("co_purchase_lift", "times", "0.25배"),
     ("share_ratio_after_change", "times", "0.25배"), ("top10_revenue_share", "share", "25.0%"),
     ("lost_units", "pieces", "0개"), ("order_gini", "number", "0.25"),
     ("repurchase_gap_best_vs_weakest", "points", "+25.0%p"), ("lift", "times", "0.25배")],
)  # fmt: skip
def test_an_effect_is_told_in_its_unit(name: str, unit: str, text: str) -> None:
    assert effect_unit(name) == unit and effect_text(0.25, unit) == text


@pytest.mark.parametrize("top", [0.0, 3, 99, 1_234_567, 8e9])
def test_an_axis_has_few_round_ticks(top: float) -> None:
    ticks = round_ticks(top)
    assert len(ticks) == (0 if top == 0 else len(ticks)) <= 5 and all(0 < t <= top for t in ticks)
    assert top == 0 or ticks


def test_what_changed_compares_with_the_data_before() -> None:
    from datetime import date

    from cafe24_pipelines.discovery.history import remember, told
    from cafe24_pipelines.discovery.patterns import Effect, Evidence, Pattern

    def pattern(key: str, value: float, status: str = "confirmed") -> Pattern:
        effect, evidence = Effect("repurchase_90d_difference", value, value - 0.1, value + 0.1), Evidence("q", [])
        return Pattern(key, "d", "cross_domain", key, status, effect, 0.01, 0.01, 100, evidence, "", "")

    log = _log()
    first = [pattern("a", -0.2), pattern("b", -0.3), pattern("c", -0.4)]
    known = remember(log, "m", first, date(2026, 9, 30))
    assert what_changed(told(first, known), known)["first"]
    second = [pattern("a", -0.25), pattern("b", -0.3), pattern("c", -0.1, "tentative"), pattern("d", 0.5)]
    known = remember(log, "m", second, date(2026, 10, 31))
    said = what_changed(told(second, known), known)
    assert [one["id"] for one in said["new"]] == ["d"]
    assert [(one["id"], one["from"], one["to"]) for one in said["moved"]] == [("a", -0.2, -0.25)]
    assert [one["id"] for one in said["retracted"]] == ["c"] and not said["first"]


def _log() -> Any:
    import os
    from pathlib import Path

    from cafe24_pipelines.stores.events import EventLog

    return EventLog(Path(os.environ["CAFE24_HOME"]) / "events.db")
