"""The closed list of metrics that a claim can be about: words that name each, its units, and what can be true.

Does not belong here: finding numbers in sentences (see `rules.py`), or a mall's own numbers (see
`discovery/research_measures.py`).
"""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        units: that it is written in; "%", a currency, or "ratio".
        plausible: by unit, the values a whole market can have; a claim outside is kept and marked.
        words: what names it, Korean and English.
        effect: it is a change that something brings, not a level.
    """

    name: str
    title_ko: str
    units: tuple[str, ...]
    plausible: dict[str, tuple[float, float]]
    words: re.Pattern[str]
    effect: bool = False


def _metric(
    name: str, title_ko: str, words: str, *, effect: bool = False, **plausible: tuple[float, float]
) -> Metric:
    units = {"percent": "%", "krw": "KRW", "usd": "USD", "ratio": "ratio"}
    bounds = {units[key]: value for key, value in plausible.items()}
    return Metric(name, title_ko, tuple(bounds), bounds, re.compile(words, re.IGNORECASE), effect)


def not_after(words: str) -> str:
    """A pattern for the place before a name: none of these words, with or without a space, stands there."""
    return "".join(f"(?<!{word})(?<!{word} )" for word in words.split())


_OTHER_CONVERSIONS: Final = (
    "유료 무료 회원 가입 상담 설치 디지털 구독 장바구니 리드 문의 예약 체험 월세 정규직 에너지 클릭"
)
_OTHER_LEAVING: Final = "페이지 사이트 홈페이지 방문자 방문 직원 인력 결제 랜딩 세션 화면 웹 퇴사"
_OTHER_STAYING: Final = "직원 인력 매출 고용 가입 계약 형태 데이터"
_NO_ORDERS: Final = "월 연 일 주 연간 월간 일간 주간 하루 인당 명당 고객당"
"""What a customer spends in a time is no order's value."""

METRICS: Final = {
    m.name: m
    for m in (
        _metric(
            "repurchase_rate", "재구매율",
            r"재구매\s?(?:비율|[율률])|재구매\s?고객\s?비[율중]|repurchase rates?|"
            r"repeat[- ](?:purchase|customer|buyer|buying) (?:rates?|ratio|share)|returning[- ]customer rates?",
            percent=(1, 95),
        ),
        _metric(
            "cart_abandonment", "장바구니 이탈률",
            r"장바구니\s?(?:이탈|포기|방치)\s?(?:비율|[율률])|카트\s?이탈[율률]|"
            r"(?:online |shopping |checkout )*cart[- ]abandonment(?: rates?)?"
            r"(?! (?:e-?mails?|flows?|recover|messages?|SMS|campaigns?|automation))|abandoned[- ]cart rates?",
            percent=(20, 98),
        ),
        _metric(
            "conversion_rate", "구매 전환율",
            rf"{not_after(_OTHER_CONVERSIONS)}(?:구매\s?)?전환[율률]|"
            r"(?:purchase |e-?commerce |online )*conversion rates?",
            percent=(0.05, 25),
        ),
        _metric(
            "average_order_value", "객단가",
            rf"객단가|{not_after(_NO_ORDERS)}(?:1회\s?)?평균\s?(?:주문|구매|결제)\s?(?:금액|단가|액)|"
            r"average order values?|\bAOV\b|average basket (?:value|size)s?",
            krw=(3_000, 1_000_000), usd=(5, 1_000),
        ),
        _metric(
            "open_rate", "메시지 열람률",
            r"오픈[율률]|열람[율률]|개봉[율률]|(?<!to[ -])\bopen[- ]rates?",
            percent=(1, 90),
        ),
        _metric(
            "click_rate", "메시지 클릭률",
            r"클릭[율률]|click(?:[- ]?through)?[- ]rates?|\bCTR\b",
            percent=(0.05, 50),
        ),
        _metric(
            "churn_rate", "고객 이탈률",
            rf"{not_after(_OTHER_LEAVING)}(?:고객\s?)?이탈[율률]|(?:customer )?churn(?: rates?)?",
            percent=(0.1, 95),
        ),
        _metric(
            "retention_rate", "고객 유지율",
            rf"{not_after(_OTHER_STAYING)}(?:고객\s?)?(?:유지|잔존)[율률]|리텐션\s?(?:[율률])?|"
            r"(?:customer )?retention rates?",
            percent=(1, 99),
        ),
        _metric(
            "return_rate", "반품률",
            r"반품[율률]|(?:product |e-?commerce |online )*(?<!click )returns? rates?",
            percent=(0.1, 70),
        ),
        _metric(
            "clv_ratio", "고객 생애 가치 대 획득 비용",
            r"(?:LTV|CLV|CLTV)\s?(?:[:/]|to|대)\s?CAC(?: ratios?)?",
            ratio=(0.3, 30),
        ),
        _metric(
            "review_effect", "후기 효과",
            r"(?:리뷰|후기|상품평|\breviews?\b).{0,60}?(?:전환|구매|conver\w+|purchas\w+|sales)",
            effect=True, percent=(0.5, 500),
        ),
        _metric(
            "delivery_effect", "배송 효과",
            r"(?:배송\s?지연|늦은\s?배송|배송이\s?늦|배송\s?경험|\blate deliver\w+|delivery delays?|"
            r"delayed deliver\w+|poor delivery)"
            r".{0,80}?(?:재구매|이탈|다시|떠나|again|churn|return|leave|repurchas\w+|abandon)",
            effect=True, percent=(0.5, 100),
        ),
    )
}  # fmt: skip
