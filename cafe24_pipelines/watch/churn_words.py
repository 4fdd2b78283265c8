"""Words of the churn watch: which kind of reason leads, and what to do about it.

Reasons come from the churn table, where they are phrases of a fixed list (`crm/churn_model/reasons.py`). Does not
belong here: who is told.
"""

from collections.abc import Mapping
from typing import Any, Final

_RAISES: Final = "(위험을 높임)"
_KINDS: Final = (
    ("마지막 평점", "낮은 평점", "후기를 읽고 먼저 사과와 해결책을 전하세요."),
    ("마지막 배송", "늦은 배송", "배송 지연을 먼저 사과하고 다음 주문의 배송 일정을 알려 주세요."),
    ("반품·취소", "반품·취소", "반품 이유를 확인하고 교환·맞는 상품을 안내하세요."),
    ("쿠폰 사용", "쿠폰 의존", "쿠폰이 끝나기 전에 남은 쿠폰을 알리세요."),
    ("마지막 구매 후 조회", "조회가 줄어듦", "보던 상품의 새 소식을 보내세요."),
    ("마지막 구매 후", "오래 사지 않음", "마지막에 산 상품과 이어지는 상품을 한 번 안내하세요."),
    ("첫 구매 후", "구매 횟수가 적음", "두 번째 구매를 돕는 안내(사용법, 함께 쓰는 상품)를 보내세요."),
    ("누적 구매액", "구매액이 적음", "부담이 적은 인기 상품을 권하세요."),
    ("구매한 상품", "산 상품이 적음", "함께 사는 상품을 권하세요."),
)
"""How a phrase begins, the kind of reason, and the action; the first that fits counts."""
NO_REASON: Final = "구매 없이 지난 시간"
"""Nothing sets them apart from the median customer: what changed since the last look is the silence itself."""
_GENERAL: Final = "마지막에 산 상품과 이어지는 상품을 일부에게만 안내하고, 안내하지 않은 고객과 비교하세요."

REFIT_NOTE: Final = (
    "모형이 다시 학습되어 {count:,}명의 점수가 기준을 넘었습니다. 고객의 행동이 바뀐 것이 아니므로 알림에서 뺐습니다."
)


def leading_reason(reasons: str) -> tuple[str, str]:
    """The kind of the strongest reason that raises the risk, and its phrase."""
    for phrase in (reasons or "").split("; "):
        if phrase.endswith(_RAISES):
            text = phrase.removesuffix(_RAISES)
            kind = next((kind for start, kind, _ in _KINDS if text.startswith(start)), NO_REASON)
            return kind, text
    return NO_REASON, ""


def action_of(kind: str) -> str:
    """What to do for customers with this kind of reason."""
    return next((action for _, known, action in _KINDS if known == kind), _GENERAL)


def caveat(scored: Mapping[str, Any], recency: bool) -> str:
    """What must be said with the figures ("" when there is nothing)."""
    if not recency:
        return ""
    days = scored["horizon_days"]
    return (
        f"이 몰에서는 예측 모형이 마지막 구매일만 보는 방법보다 낫다고 할 수 없어, {days}일 동안 구매가 없으면 "
        "위험으로 보는 단순한 규칙을 씁니다."
    )
