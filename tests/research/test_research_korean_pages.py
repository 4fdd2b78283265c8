"""Pages as Korean media, statistics and shops write them: which numbers become claims, about whom and when.

Each page is held against the whole list of its claims, so a number that is none (a change, a quote, a forecast,
another rate, one shop's own) fails as surely as one that is missed.
"""

from datetime import date

import pytest

from cafe24_pipelines.research.claims import Claim
from cafe24_pipelines.research.pages import read_page
from cafe24_pipelines.research.reading import claims_of
from cafe24_pipelines.research.sources import Source

SOURCE = Source("s", "출처", "https://a.example/1", "page", "study", "t", "ko", "KR", frozenset({"a.example"}))
PRESS = '<meta property="article:published_time" content="2026-02-03T09:00:00+09:00">'
AOV, CONVERSION, CART, REPEAT = "average_order_value", "conversion_rate", "cart_abandonment", "repurchase_rate"
OPEN, CLICK, CHURN, KEPT, BACK = "open_rate", "click_rate", "churn_rate", "retention_rate", "return_rate"


def html(paragraphs: str = "", *, title: str = "온라인 쇼핑 소식", head: str = PRESS, raw: str = "") -> str:
    body = "".join(f"<p>{p}</p>" for p in paragraphs.split(" / "))
    return (
        f'<!doctype html><html lang="ko"><head><title>{title}</title>{head}</head><body>'
        f"<nav><a href=/>홈</a> 전환율 9.9%</nav><article><h1>{title}</h1>{body}{raw}</article>"
        "<footer>ⓒ 2010.01.01 설립 · 재구매율 99%</footer></body></html>"
    )


def claims(page: str | bytes, kind: str = "text/html") -> list[Claim]:
    body = page.encode() if isinstance(page, str) else page
    text = read_page(body, kind, today=date(2026, 3, 10))
    found = claims_of(text, SOURCE, "https://a.example/1")
    for one in found:
        assert one.quote in text.sentences and one.publisher == "출처" and one.address == "https://a.example/1"
    return found


def said(found: list[Claim]) -> set[tuple[object, ...]]:
    """(metric, number or range, people, period, window) of claims that a mall may be held against; unit apart."""
    rows = {(c.metric, c.value, c.value_to, c.population, c.period, c.window_days) for c in found if not c.doubt}
    return {(m, low if low == high else (low, high), *rest) for m, low, high, *rest in rows}


PAGES: dict[str, tuple[str, set[tuple[object, ...]]]] = {
    "a survey in the press": (
        html(
            "한국온라인유통협의회가 3일 발표한 ‘2025 이커머스 실태조사’에 따르면 국내 온라인 쇼핑몰 1,204곳의 "
            "평균 구매 전환율은 2.31%로 집계됐다. / 이는 전년(2.18%)보다 0.13%포인트 오른 수치다. / 객단가는 6만 "
            "1,300원으로 전년 대비 4.2% 올랐고, 재구매율은 29.7%로 1.1%포인트 하락했다. / 협의회 관계자는 “경기 "
            "둔화로 객단가가 10만원을 넘기 어렵다”고 말했다.",
        ),
        {(CONVERSION, 2.31, "KR", "2025", 0), (AOV, 61_300.0, "KR", "", 0), (REPEAT, 29.7, "KR", "", 0)},
    ),
    "industries in a list and in brackets": (
        html(
            "반품률은 패션이 14.2%로 가장 높았고 식품은 1.3%에 그쳤다. / 재구매율은 뷰티(41.2%), 식품(38.5%), "
            "패션(24.9%) 순이었다. / 패션 전환율은 2.1%로 뷰티보다 낮았다.",
        ),
        {
            *((BACK, value, f"KR/{of}", "", 0) for value, of in ((14.2, "fashion"), (1.3, "food"))),
            *((REPEAT, v, f"KR/{of}", "", 0) for v, of in ((41.2, "beauty"), (38.5, "food"), (24.9, "fashion"))),
            (CONVERSION, 2.1, "KR/fashion", "", 0),
        },
    ),
    "a release of the statistics office": (
        html(
            "2025년 12월 온라인쇼핑 거래액은 24조 2,904억원으로 전년동월대비 6.2% 증가하였다. / 온라인쇼핑 "
            "거래액 중 모바일쇼핑 거래액 비중은 76.1%로 전년동월대비 1.2%p 상승하였다. / 소매판매액 중 "
            "온라인쇼핑 거래액 비중은 27.2%를 기록하였다. / 상품군별로는 음·식료품(12.1%), 의복(-3.4%) 등에서 "
            "증감을 보였다. / 온라인 쇼핑의 평균 구매단가는 5만 6,812원으로 전년동월대비 1.5% 감소하였다.",
            title="2025년 12월 및 연간 온라인쇼핑동향",
            head="",
            raw="<ul><li>담당부서 서비스업동향과</li><li>게시일 2026-02-02</li></ul>",
        ),
        {(AOV, 56_812.0, "KR", "2025", 0)},
    ),
    "shops with a roof": (
        html(
            "백화점의 평균 구매단가는 13만 4,055원, 편의점은 7,321원이었다. / 오프라인 매장 재구매율은 45%다. / "
            "오픈마켓 전환율은 4%, 자사몰 전환율은 1.9%다.",
        ),
        {
            (AOV, 134_055.0, "KR/offline", "", 0),
            (REPEAT, 45.0, "KR/offline", "", 0),
            (CONVERSION, 4.0, "KR/marketplace", "", 0),
            (CONVERSION, 1.9, "KR", "", 0),
        },
    ),
    "what a customer spends in a time is no order": (
        html(
            "1인당 평균 구매금액은 35만원이다. / 월 평균 구매금액은 12만원이다. / 월평균 결제금액은 11만원이다. "
            "/ 연간 평균 구매 금액은 120만원이다. / 일 평균 결제액은 3조 2천억원이다. / 평균 결제금액은 "
            "63,500원(부가세 포함)이다.",
        ),
        {(AOV, 63_500.0, "KR", "", 0)},
    ),
    "amounts as Koreans write them": (
        html(
            "객단가는 6만3천5백원이다. / 뷰티 객단가는 4.5만원이다. / 식품 객단가는 3~4만 원이다. / 리빙 "
            "객단가는 9만~11만원이다.",
        ),
        {
            (AOV, 63_500.0, "KR", "", 0),
            *((AOV, v, f"KR/{of}", "", 0) for v, of in ((45_000.0, "beauty"), ((30_000.0, 40_000.0), "food"))),
            (AOV, (90_000.0, 110_000.0), "KR/home", "", 0),
        },
    ),
    "amounts that are none": (
        html(
            "객단가는 6만 원대 초반이다. / 객단가 차이는 1만원이다. / 객단가를 1만원 올리는 법 / 객단가가 5000원 "
            "가량 올랐다. / 객단가는 6만원에서 7만원으로 올랐다. / 객단가가 높은 고객 비중은 15%다. / 객단가는 "
            "12만원 더 썼다. / 객단가(단위: 천원)는 63.5다. / 객단가는 5천엔이다.",
        ),
        set(),
    ),
    "changes in many words": (
        html(
            "전환율은 전년 대비 3.2% 증가했다. / 전환율이 12% 뛰었다. / 전환율이 12% 급증했다. / 재구매율을 15% "
            "끌어올렸다. / 반품률이 8% 급감했다. / 전환율 12% 신장 / 전환율이 평균 10%씩 오른다. / 재구매율은 5% "
            "안팎의 하락세다. / 재구매율을 높여 매출 10%를 더 냈다. / 재구매율 상승률은 12%다. / 전환율 증가폭은 "
            "0.5%다. / 재구매율 (전년비) 5.2%",
        ),
        set(),
    ),
    "levels beside their changes": (
        html(
            "전년 대비 3.2% 증가한 전환율은 2.9%였다. / 재구매율은 전년 대비 3.2%p 상승한 31.5%였다. / 객단가는 "
            "전년동월대비 5.1% 늘어난 7만 2천원이었다.",
        ),
        {(CONVERSION, 2.9, "KR", "", 0), (REPEAT, 31.5, "KR", "", 0), (AOV, 72_000.0, "KR", "", 0)},
    ),
    "percentage points in all spellings": (
        html(
            "재구매율 격차는 5 퍼센트포인트다. / 재구매율은 31.5%P 올랐다. / 전환율은 0.3%pt다. / 반품률은 1.2 % "
            "포인트였다. / 전환율은 2.4 퍼센트다. / 오픈율은 15.3％다.",
        ),
        {(CONVERSION, 2.4, "KR", "", 0), (OPEN, 15.3, "KR", "", 0)},
    ),
    "medians stand apart": (
        html(
            "전환율의 중앙값은 1.9%다. / 객단가 중위값은 4만 8천원으로 평균(6만 1천원)보다 낮다. / 중앙값이 아닌 "
            "재구매율 평균은 27%다.",
        ),
        {(REPEAT, 27.0, "KR", "", 0)},
    ),
    "spread and error": (
        html(
            "전환율의 표준편차는 0.8%였다. / 전환율 95% 신뢰구간은 2.1~2.7%이다. / 재구매율 조사의 표본오차는 "
            "95% 신뢰수준에서 ±3.1%p다. / 재구매율은 27%(표본오차 ±3.1%p, 신뢰수준 95%)로 나타났다.",
        ),
        {(REPEAT, 27.0, "KR", "", 0)},
    ),
    "one shop's own numbers": (
        html(
            'A사 관계자는 “우리 재구매율은 60%에 이른다”고 말했다. / 김 대표는 "자사몰 전환율이 8%"라고 밝혔다. '
            "/ 무신사의 재구매율은 70%다. / 쿠팡 와우 회원의 재구매율은 82%로 알려졌다. / 한 브랜드는 도입 후 "
            "재구매율 45%를 기록했다. / 저희 전환율은 6%입니다. / 한 중소 쇼핑몰은 반품률이 2%다. / 고객사 사례: "
            "장바구니 이탈률 51%",
        ),
        set(),
    ),
    "denials": (
        html(
            "전환율이 3%라는 말은 사실이 아니다. / 평균 재구매율은 30%가 아니라 20%다. / 장바구니 이탈률은 70%가 "
            "아니다. / 재구매율 40%는 과장된 수치다. / 업계에서는 재구매율이 40%라고 하지만 실제로는 25%다. / "
            "재구매율 50%는 오해입니다. / 전환율이 2%에 불과하다는 통념은 틀렸다. / 반품률이 10%를 넘는 것은 "
            "아니다. / 평균 오픈율이 30%라는 자료도 있으나 그렇지 않다.",
        ),
        {(REPEAT, 20.0, "KR", "", 0)},
    ),
    "forecasts": (
        html(
            "2026년 재구매율은 33%로 전망된다. / 내년 장바구니 이탈률은 72%에 이를 것으로 예상된다. / 반품률은 "
            "8%가 될 것으로 보인다. / 전환율은 2.4%로 예측됐다.",
        ),
        set(),
    ),
    "ideals and conditions": (
        html(
            "이상적인 전환율은 3%다. / 재구매율이 30%면 양호하다. / 전환율이 2%라면 성공적이다. / 권장 장바구니 "
            "이탈률은 60%다. / 적정 반품률은 5%다. / 전환율이 1%에서 2%가 되면 매출은 두 배다. / 전환율 1%인 "
            "쇼핑몰이 많다. / 재구매율이 20%라고 가정해 봅시다. / 우수 쇼핑몰의 전환율은 4%다.",
        ),
        set(),
    ),
    "bounds and rough figures": (
        html(
            "재구매율은 20% 중반이다. / 재구매율은 20%~30%대다. / 재구매율은 30%에 육박한다. / 재구매율은 30%를 "
            "밑돈다. / 재구매율이 30% 넘는다. / 재구매율은 최대 40%까지 가능하다. / 재구매율은 많게는 40%다. / "
            "반품률이 10%를 웃돌았다. / 장바구니 이탈률은 69.8%에 달했다.",
        ),
        {(CART, 69.8, "KR", "", 0)},
    ),
    "names side by side": (
        html(
            "재구매율과 전환율은 각각 31%, 2.3%였다. / 오픈율·클릭률은 15.3%·1.9%다. / 반품률, 이탈률은 7.5%다. "
            "/ 전환율 2.8%와 반품률 6.1%를 기록했다.",
        ),
        {
            (REPEAT, 31.0, "KR", "", 0),
            (CONVERSION, 2.3, "KR", "", 0),
            (OPEN, 15.3, "KR", "", 0),
            (CLICK, 1.9, "KR", "", 0),
            (CONVERSION, 2.8, "KR", "", 0),
            (BACK, 6.1, "KR", "", 0),
        },
    ),
    "two numbers, two kinds of people": (
        html(
            "PC 전환율은 3.1%, 모바일 전환율은 1.8%다. / 전체 재구매율은 25%이고 모바일 재구매율은 18%다. / "
            "장바구니 이탈률은 70%(모바일 78%)다. / 남성의 재구매율은 23%, 여성은 33%다. / 20대 재구매율은 "
            "22%다. / 신규 고객 전환율은 1.2%, 기존 고객은 4.5%다.",
        ),
        {
            (CONVERSION, 3.1, "KR/desktop", "", 0),
            (CONVERSION, 1.8, "KR/mobile", "", 0),
            (REPEAT, 25.0, "KR", "", 0),
            (REPEAT, 18.0, "KR/mobile", "", 0),
            (CART, 70.0, "KR", "", 0),
            (REPEAT, 23.0, "KR/men", "", 0),
            (REPEAT, 22.0, "KR/age", "", 0),
            (CONVERSION, 1.2, "KR/new", "", 0),
        },
    ),
    "two countries": (
        html(
            "국내 평균 전환율은 2.1%로 글로벌 평균(2.9%)보다 낮았다. / 글로벌 평균 장바구니 이탈률은 70.2%, "
            "국내는 68%다. / 미국의 반품률은 16.9%이며 한국의 반품률은 7.5%다. / 한국과 미국의 재구매율은 28%다.",
        ),
        {
            (CONVERSION, 2.1, "KR", "", 0),
            (CART, 70.2, "global", "", 0),
            (BACK, 16.9, "US", "", 0),
            (BACK, 7.5, "KR", "", 0),
            (REPEAT, 28.0, "KR+US", "", 0),
        },
    ),
    "years": (
        html(
            "지난해 재구매율은 28%였다. / 올해 전환율은 2.4%다. / 2024년보다 3.1%p 높은 31.5%의 재구매율을 "
            "보였다. / 반품률은 2024년 8.1%, 2025년 7.4%다. / 평균 오픈율: 15% (출처: 협의회, 2023)",
            title="2027년을 준비하는 이커머스",
        ),
        {
            (REPEAT, 28.0, "KR", "2025", 0),
            (CONVERSION, 2.4, "KR", "2026", 0),
            (REPEAT, 31.5, "KR", "", 0),
            (BACK, 8.1, "KR", "2024", 0),
            (OPEN, 15.0, "KR", "2023", 0),
        },
    ),
    "windows": (
        html(
            "90일 이내 재구매율은 18%, 1년 이내 재구매율은 31%다. / 3개월간 재구매율은 16%다. / 12개월 "
            "재구매율은 33%다. / 2025년 3월 재구매율은 12%다. / 고객 이탈률은 월 3.4%이다.",
        ),
        {
            (REPEAT, 18.0, "KR", "", 90),
            (REPEAT, 31.0, "KR", "", 365),
            (REPEAT, 16.0, "KR", "", 90),
            (REPEAT, 33.0, "KR", "", 365),
            (REPEAT, 12.0, "KR", "2025", 0),
            (CHURN, 3.4, "KR", "", 30),
        },
    ),
    "other rates of the same name": (
        html(
            "유료 전환율은 12%다. / 회원가입 전환율은 8%다. / 전월세 전환율은 5.5%다. / 직원 이탈률은 15%다. / "
            "홈페이지 이탈률은 55%다. / 결제 페이지 이탈률은 35%다. / 매출 유지율은 90%다. / 재구매율이 높은 "
            "상위 브랜드의 할인율은 20%였다. / 구매 전환율은 2.2%다.",
        ),
        {(CONVERSION, 2.2, "KR", "", 0)},
    ),
    "what those who were asked say": (
        html(
            "재구매율이 늘었다는 응답이 31%였다. / 전환율이 중요하다는 답변은 24%를 차지했다. / 마케터의 64%가 "
            "재구매율을 핵심 지표로 꼽았다. / 전환율 개선에 성공한 업체의 비율은 12%다. / 10명 중 3명꼴(29.7%)로 "
            "재구매했다.",
        ),
        set(),
    ),
    "footnotes": (
        html(
            "평균 재구매율은 28.2<sup>1)</sup>%다. / 평균 반품률은 7.5%<sup>[2]</sup>다. / 객단가는 "
            "63,500<sup>3</sup>원이다. / ※ 전환율 3%는 예시 수치임 / * 클릭률 2.1%는 가상의 값이다. / 1) 첫 구매 "
            "고객 중 90일 이내 다시 산 비율, 표본 1,200명",
        ),
        {(REPEAT, 28.2, "KR", "", 0), (BACK, 7.5, "KR", "", 0), (AOV, 63_500.0, "KR", "", 0)},
    ),
    "tables": (
        html(
            raw="<table><tr><th>지표</th><th>2024년</th><th>2025년</th></tr>"
            "<tr><td>재구매율</td><td>28.1%</td><td>31.5%</td></tr>"
            "<tr><td>객단가(원)</td><td>58,400</td><td>61,200</td></tr>"
            "<tr><td>전환율</td><td>2.1%</td><td>▲0.3%p</td></tr></table>"
            "<table><tr><th>구분</th><th>값</th></tr><tr><td>장바구니 이탈률</td><td>68.2%</td></tr>"
            "<tr><td>객단가</td><td>6만 2천원</td></tr></table>",
        ),
        {(CART, 68.2, "KR", "", 0), (AOV, 62_000.0, "KR", "", 0)},
    ),
    "messages": (
        html(
            "우리나라 쇼핑몰의 평균 이메일 오픈율은 14.8%, 클릭률은 1.4%입니다. / 알림톡 열람률은 60~70%로 "
            "이메일(15%)의 네 배입니다. / 광고 클릭률(CTR)은 평균 1.2%다. / B2B 뉴스레터 오픈율은 22.1%다.",
        ),
        {
            (OPEN, 14.8, "KR/email", "", 0),
            (CLICK, 1.4, "KR/email", "", 0),
            (OPEN, (60.0, 70.0), "KR/message", "", 0),
            (CLICK, 1.2, "KR/ads", "", 0),
            (OPEN, 22.1, "KR/email/business", "", 0),
        },
    ),
    "formulas and questions": (
        html(
            "전환율 = 구매 수 ÷ 방문 수 × 100 (예: 30 ÷ 1,000 = 3%) / 전환율 공식: 주문 30건/방문 1000명=3% / "
            "재구매율 평균은 28%일까? / 재구매율은 28%→31% / 재구매율 28% vs 31% / 고객 유지율이 5% 오르면 "
            "이익이 25~95% 늘어난다는 연구가 있습니다.",
        ),
        set(),
    ),
    "reviews and deliveries": (
        html(
            "응답자의 72%는 배송 지연을 겪으면 다시 구매하지 않겠다고 답했다. / 배송 지연 경험 고객의 재구매율은 "
            "12%p 낮았다. / 배송 지연은 5% 수준이며 재구매율은 31%다. / 후기가 있는 상품의 구매 전환율은 3.5%다. "
            "/ 리뷰를 읽고 구매하는 소비자가 91%다. / 상품 리뷰가 50개 이상이면 전환율이 4.6% 증가한다.",
        ),
        {("delivery_effect", 72.0, "KR", "", 0), ("review_effect", 4.6, "KR", "", 0)},
    ),
    "some of the customers, some of the time": (
        html(
            "쿠폰을 쓴 고객의 재구매율은 35%다. / 10만원 이상 구매 고객의 객단가는 15만원이다. / 블랙프라이데이 "
            "기간 전환율은 4.8%다. / 멤버십 회원의 재구매율은 52%다. / 배송비가 있을 때 장바구니 이탈률은 74%다. "
            "/ 해외 반품률은 30%다. / 조사한 쇼핑몰의 평균 반품률은 7.7%다. / 첫 구매 고객의 재구매율은 18%다. / "
            "방문자의 구매 전환율은 2.6%다. / 1인 가구의 객단가는 4만원이다.",
        ),
        {
            *((REPEAT, value, "KR/some", "", 0) for value in (35.0, 52.0)),
            (AOV, 150_000.0, "KR/some", "", 0),
            (CONVERSION, 4.8, "KR/occasion", "", 0),
            (CART, 74.0, "KR/some", "", 0),
            (BACK, 30.0, "abroad", "", 0),
            (BACK, 7.7, "KR", "", 0),
            (REPEAT, 18.0, "KR", "", 0),
            (CONVERSION, 2.6, "KR", "", 0),
            (AOV, 40_000.0, "KR/age", "", 0),
        },
    ),
    "shares, ranks, series and sums": (
        html(
            "장바구니 이탈률의 48%는 배송비 때문이다. / 재구매율 순위는 1위 A몰 45%, 2위 B몰 40%다. / 재구매율 "
            "추이: 1분기 27%, 2분기 28% / 객단가는 1월 5만원, 2월 6만원이었다. / 객단가 6만원, 전환율 2%, 방문 "
            "1만명이면 매출은 1,200만원이다. / 매출 = 방문자 × 전환율(2%) × 객단가(6만원) / 재구매율 29% 돌파 / "
            "객단가 상위 고객은 평균 30만원을 쓴다. / 업계 평균 재구매율(29%)을 크게 웃도는 41%를 기록했다.",
        ),
        {(REPEAT, 29.0, "KR", "", 0)},
    ),
    "windows that are none, and odd ones": (
        html(
            "2024~2025년 재구매율은 29%다. / 최근 3년간 재구매율은 30%다. / 25년 재구매율은 31%다. / 1개월 후 "
            "고객 유지율은 35%다. / D7 리텐션은 12%다. / 재구매율(180일) 24% / 재구매율(24년) 23% / 재구매율(3월 "
            "5일) 22% / 첫 달 이탈률은 25%다.",
        ),
        {
            (REPEAT, 29.0, "KR", "2025", 0),
            (REPEAT, 30.0, "KR", "", 0),
            (REPEAT, 31.0, "KR", "", 0),
            *((REPEAT, value, "KR", "", days) for value, days in ((24.0, 180), (23.0, 0), (22.0, 0))),
            (KEPT, 35.0, "KR", "", 30),
            (KEPT, 12.0, "KR", "", 7),
            (CHURN, 25.0, "KR", "", 30),
        },
    ),
    "titles of several industries": (
        html("전체 평균 전환율은 2.5%다. / 평균 반품률은 9%다.", title="패션·뷰티 쇼핑몰 지표 비교"),
        {(CONVERSION, 2.5, "KR", "", 0), (BACK, 9.0, "KR/beauty+fashion", "", 0)},
    ),
    "a page of divs in another charset": (
        "<html><head><meta charset=euc-kr><title>쇼핑몰 지표</title></head><body><div>"
        "<div>작성일 2026.02.03 | 조회 1</div><div>평균 고객 유지율은 <b>42</b>%입니다.평균 반품률은 7.5%다.</div>"
        "<div>재구매율은 29%에서 출발했다.</div></div></body></html>",
        {(KEPT, 42.0, "KR", "", 0), (BACK, 7.5, "KR", "", 0)},
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_claims_what_it_states_and_nothing_else(name: str) -> None:
    page, wanted = PAGES[name]
    found = claims(page.encode("cp949" if "euc-kr" in page else "utf-8"))
    assert said(found) == wanted
    assert all(c.unit == ("KRW" if c.metric == AOV else "%") for c in found)


def test_a_median_is_kept_and_held_against_nobody() -> None:
    found = claims(PAGES["medians stand apart"][0])
    assert {(c.metric, c.value) for c in found if c.doubt} == {(CONVERSION, 1.9), (AOV, 48_000.0)}
