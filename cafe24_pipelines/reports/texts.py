"""Words and numbers of reports, Korean and English, and the last look at a text that leaves the house.

Does not belong here: layout.
"""

import re
from typing import Final

_KEY: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")

_WORDS: Final = {
    "title": ("CRM 보고서", "CRM report"),
    "data until": ("자료 기준일", "data until"),
    "made": ("만든 때", "made"),
    "headline": ("한눈에 보기", "At a glance"),
    "changed": ("무엇이 달라졌나", "What changed"),
    "sales": ("월별 순매출", "Net revenue by month"),
    "findings": ("확정된 패턴", "Confirmed findings"),
    "risk": ("이탈 위험 고객", "Customers at risk"),
    "clv": ("고객 생애 가치", "Customer lifetime value"),
    "campaigns": ("캠페인 효과", "Effect of campaigns"),
    "stock": ("재고 알림", "Stock alerts"),
    "cohorts": ("첫 구매 월별 재구매(코호트)", "Retention by first month (cohorts)"),
    "quality": ("자료의 상태", "State of the data"),
    "none confirmed": (
        "아직 통계로 확정된 패턴이 없습니다. 없다는 뜻이 아니라, 있다고 말할 만큼의 자료가 없다는 뜻입니다.",
        "No finding is confirmed yet: that is a lack of proof, not proof of a lack.",
    ),
    "research": ("공개 자료와 나란히", "Beside public sources"),
    "claims": (
        "공개된 글이 스스로 밝힌 수치입니다. 집단과 시점이 이 몰과 다를 수 있고, 출처끼리 어긋나도 그대로 싣습니다.",
        "Figures as their publishers state them, about other people and times; contradictions are left standing.",
    ),
    "publisher": ("출처", "Publisher"),
    "says": ("수치", "Figure"),
    "metric": ("지표", "Metric"),
    "no own number": (
        "이 몰에는 견줄 수 있는 같은 정의의 수치가 없어 공개 자료만 보입니다.",
        "This mall has no figure of the same definition; only the public ones are shown.",
    ),
    "people": ("집단", "Population"),
    "undated": ("날짜 없음", "undated"),
    "contradicts": ("다른 출처와 어긋남", "contradicted"),
    "this mall": ("이 몰", "This mall"),
    "limits": ("이 자료로 말할 수 없는 것", "What these data can't tell"),
    "source": ("출처", "source"),
    "revenue": ("순매출", "Net revenue"),
    "orders": ("주문", "Orders"),
    "new buyers": ("신규 구매 고객", "New buyers"),
    "returning buyers": ("재구매 고객", "Returning buyers"),
    "high risk": ("이탈 위험 높음", "High churn risk"),
    "next year": ("앞으로 1년 예상 매출", "Expected revenue, next year"),
    "before": ("전달 대비", "on the month before"),
    "year before": ("작년 같은 달 대비", "on the same month last year"),
    "week before": ("전주 대비", "on the week before"),
    "week of": ("주", "week of"),
    "interval": ("95% 구간", "95% interval"),
    "no data": ("자료가 없습니다", "no data"),
    "not built": ("아직 분석하지 않았습니다", "not analysed yet"),
    "too little": ("자료가 모자라 말하지 않습니다", "too little data to tell"),
    "running": ("진행 중인 달(비교하지 않음)", "running month (not compared)"),
    "last year": ("1년 전 같은 달", "same month a year before"),
    "as table": ("표로 보기", "as a table"),
    "month": ("달", "Month"),
    "to do": ("할 일", "To do"),
    "effect": ("효과", "Effect"),
    "sample": ("표본", "sample"),
    "corrected": ("보정 q", "corrected q"),
    "evidence": ("근거 질의", "Evidence query"),
    "more findings": ("나머지 확정 패턴", "Further confirmed findings"),
    "retracted": ("철회한 패턴", "Retracted findings"),
    "first report": (
        "첫 보고입니다. 다음 자료부터 무엇이 달라졌는지 여기에 적습니다.",
        "First report. From the next data on, changes are listed here.",
    ),
    "nothing changed": ("패턴에는 달라진 것이 없습니다.", "No finding changed."),
    "new findings": ("새로 확정", "Newly confirmed"),
    "moved findings": ("수치가 움직임", "Moved"),
    "customers": ("고객 수", "Customers"),
    "band": ("위험", "Risk"),
    "from probability": ("이탈 확률", "Chance"),
    "segment": ("고객군", "Segment"),
    "share": ("비중", "Share"),
    "alive": ("활동 중으로 보이는 고객", "Customers expected to be active"),
    "top share": ("상위 20% 고객의 몫", "Share of the top 20%"),
    "hold-out": ("검증 구간의 총량 오차", "Error of the total on held-out days"),
    "coupon": ("쿠폰", "Coupon"),
    "issued": ("발급", "Issued"),
    "use rate": ("사용률", "Used"),
    "lift": ("구매율 차이", "Difference in purchase rate"),
    "verdict": ("판정", "Verdict"),
    "product": ("상품", "Product"),
    "left": ("재고", "In stock"),
    "days left": ("남은 날", "Days left"),
    "alert": ("알림", "Alert"),
    "none urgent": ("곧 떨어질 상품이 없습니다.", "No product runs out soon."),
    "silent products": ("평소와 달리 팔리지 않는 상품", "Products silent against their habit"),
    "silent days": ("안 팔린 날", "Silent days"),
    "first month": ("첫 구매 월", "First month"),
    "size": ("고객", "Buyers"),
    "months after": ("개월 뒤에 다시 산 고객의 비율", "months later: share that bought again"),
    "rows": ("행", "rows"),
    "table": ("표", "Table"),
    "landed tables": ("들어온 표와 행 수", "Landed tables and their rows"),
    "set aside": ("격리된 행", "Rows set aside"),
    "reason": ("사유", "Reason"),
    "graph health": ("그래프 건강", "Graph health"),
    "so far": ("진행 중", "so far"),
    "not checked": ("점검한 적 없음", "never checked"),
    "tentative": ("잠정이라 싣지 않은 패턴", "Tentative findings left out"),
    "insufficient": ("표본이 모자라 판단하지 않은 것", "Not judged for lack of data"),
    "needs": ("필요", "needed"),
    "have": ("현재", "there are"),
    "caution": (
        "확정된 패턴도 함께 나타난 차이입니다. 원인인지는 나누어 시험해야 압니다.",
        "A confirmed finding is a difference seen together with something; whether that is its cause takes a test.",
    ),
    "scope": (
        "수치는 모두 공개된 분석 결과이며 이 문서는 새로 계산하지 않습니다. 회원을 가리키는 값은 싣지 않습니다.",
        "All figures are published analyses; this page computes none, and names no member.",
    ),
}

_TABLES: Final = {
    "customers": "회원", "customer_groups": "회원 등급", "categories": "분류", "products": "상품", "orders": "주문",
    "order_items": "주문 품목", "coupons": "쿠폰", "coupon_issues": "쿠폰 발급", "reviews": "리뷰", "events": "행동",
    "documents": "문서",
}  # fmt: skip


_PEOPLE: Final = {
    "KR": "한국", "US": "미국", "UK": "영국", "EU": "유럽", "JP": "일본", "CN": "중국", "global": "세계",
    "fashion": "패션", "beauty": "뷰티", "food": "식품", "electronics": "가전", "home": "리빙", "pet": "반려동물",
    "kids": "유아동", "sports": "스포츠", "luxury": "명품", "health": "건강", "travel": "여행", "saas": "소프트웨어",
    "mobile": "모바일", "desktop": "PC", "tablet": "태블릿", "email": "이메일", "message": "메시지", "ads": "광고",
    "social": "소셜", "app": "앱", "marketplace": "오픈마켓", "offline": "오프라인", "abroad": "해외",
    "some": "일부 고객·상품", "occasion": "특정 시기", "men": "남성", "women": "여성", "age": "연령대", "new": "신규",
    "returning": "기존 고객", "business": "B2B", "subscribers": "구독",
}  # fmt: skip
_FIXED: Final = {
    "높음": "high", "중간": "medium", "낮음": "low", "놓치면 안 될 고객": "Can't lose", "이탈 위험": "At risk",
    "휴면 예정": "About to sleep", "효과 있음": "effect", "없음을 배제 못함": "no effect not ruled out",
    "역효과": "adverse effect", "알 수 없음": "unknown", "품절": "sold out", "임박": "soon", "정상": "normal",
    "과잉": "too much", "판매 중지": "stopped", "재고 모름": "stock unknown",
}  # fmt: skip
"""Fixed values of analyses; titles, rules and actions stay Korean."""


def word(key: str, lang: str) -> str:
    """A label in the language (KeyError for one that is not known)."""
    ko, en = _WORDS[key]
    return ko if lang == "ko" else en


def table_name(name: str, lang: str) -> str:
    """A landed table as a person calls it."""
    return _TABLES.get(name, name) if lang == "ko" else name


def people(population: str, lang: str) -> str:
    """A claim's population as a person calls it; "–" when the source doesn't say."""
    parts = [part.split("+") for part in population.split("/") if part]
    named = ["+".join(_PEOPLE.get(one, one) if lang == "ko" else one for one in part) for part in parts]
    return " · ".join(named) or "–"


def fixed(value: str, lang: str) -> str:
    """A fixed value of an analysis (a band, a verdict) in the language."""
    return value if lang == "ko" else _FIXED.get(value, value)


def clean(text: str) -> str:
    """A text from the shop or of a finding as it may leave the house: personal patterns and member keys masked."""
    from cafe24_pipelines.cafe24.masking import mask_text

    return mask_text(_KEY.sub("[비공개]", text))


def money(value: float, currency: str, lang: str) -> str:
    """An amount; won have no decimals."""
    if currency == "KRW":
        return f"{value:,.0f}원" if lang == "ko" else f"₩{value:,.0f}"
    return f"{currency} {value:,.2f}"


def short_money(value: float, currency: str, lang: str) -> str:
    """An amount for an axis: about four digits and a unit."""
    won = lang == "ko" and currency == "KRW"
    units = ((1e12, "조"), (1e8, "억"), (1e4, "만")) if won else ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
    unit, name = next((one for one in units if abs(value) >= one[0]), (1.0, ""))
    shown = value / unit
    digits = f"{shown:,.0f}" if abs(shown) >= 1000 else f"{shown:.4g}"  # g alone writes 56,301 as 5.63e+04
    return f"{digits}{name}원" if won else f"{digits}{name}"


def count(value: float, lang: str, what: str = "") -> str:
    """A count with its Korean counter (명, 건 …)."""
    return f"{value:,.0f}{what}" if lang == "ko" else f"{value:,.0f}"


def percent(value: float, digits: int = 1) -> str:
    """A share."""
    return f"{value * 100:.{digits}f}%"


def change(value: float) -> str:
    """A relative change with its sign, in words of direction for those who see no colour."""
    return f"{'▲' if value > 0 else '▼' if value < 0 else '＝'}\u00a0{abs(value) * 100:,.1f}%"


def corrected(q: float, lang: str) -> str:
    """A corrected q as a person reads it: how far it is below a thousandth is nothing to act on."""
    return f"{word('corrected', lang)} {'< 0.001' if q < 0.001 else f'= {q:.2g}'}"
