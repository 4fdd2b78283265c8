"""What the sandbox sells: a tree of categories, about 120 products, and how much each sells on which day.

Fixed data, the same for every seed, so that planted truths can be named. `product_no` counts from 1001 and
`category_no` from 24 in the order below. Does not belong here: who buys (see `histories.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.sandbox.seasons import DAY, DAYS, START, before_holiday, day_of, dice, typed

if TYPE_CHECKING:
    import numpy as np

    from cafe24_pipelines.sandbox.plan import Plan


@dataclass(frozen=True)
class Product:
    """One product: its leaf category, price in won, and share of demand before anything planted acts on it."""

    no: str
    name: str
    category: str
    price: int
    weight: float
    launched: date | None = None
    withdrawn: date | None = None


_LEAVES: Final[tuple[tuple[str, float, str], ...]] = (
    # path of the leaf, its share of demand, "name price" of its products from the most to the least sold
    ("스킨케어/클렌징", 6,
     "녹차 클렌징 오일 19800|약산성 클렌징 폼 12900|미셀라 클렌징 워터 15800|효소 파우더 워시 17900|"
     "버블 클렌저 13500"),
    ("스킨케어/기초케어/토너", 6,
     "어성초 진정 토너 18900|쌀겨 보습 토너 16900|히알루론 토너 패드 21900|비타민 결 토너 17500"),
    ("스킨케어/기초케어/세럼", 5,
     "시카 진정 세럼 28900|레티놀 입문 앰플 24900|비타민C 세럼 32000|나이아신 미백 세럼 27500|"
     "펩타이드 앰플 36000"),
    ("스킨케어/기초케어/크림", 5,
     "탄력 콜라겐 크림 34900|세라마이드 장벽 크림 29800|수분 젤 크림 22900|레티놀 나이트 크림 38900|"
     "아이 크림 26900"),
    ("스킨케어/마스크팩", 5,
     "병풀 마스크팩 10매 12000|콜라겐 마스크팩 10매 15000|쑥 진정 마스크팩 10매 13000|"
     "비타 겔 마스크 5매 14000"),
    ("스킨케어/선케어", 4, "무기자차 선크림 19900|톤업 선크림 21500|선스틱 16800|워터프루프 선젤 18500"),
    ("스킨케어/트라이얼 키트", 1.5,
     "스킨케어 미니어처 4종 키트 9900|여행용 클렌징 키트 11900|민감 피부 체험 키트 12900|"
     "남성 기초 체험 키트 13900"),
    ("메이크업/베이스", 4, "커버 쿠션 32000|세미매트 파운데이션 29000|톤 보정 프라이머 19000|피니시 파우더 17000"),
    ("메이크업/립", 4.5,
     "촉촉 립 틴트 13900|벨벳 립스틱 18900|플럼핑 립밤 11900|립 오일 14900|매트 립 라이너 9900"),
    ("메이크업/아이", 3.5,
     "데일리 아이 팔레트 26000|롱래시 마스카라 15900|워터프루프 아이라이너 11500|아이브로 펜슬 8900"),
    ("메이크업/뷰티 소품", 3,
     "유기농 화장솜 4900|쿠션 퍼프 5매 5900|로즈쿼츠 괄사 14900|브러시 6종 세트 29900|뷰러 8900"),
    ("헤어·바디/헤어케어/샴푸", 5,
     "두피 쿨링 샴푸 500ml 21900|약산성 단백질 샴푸 500ml 19900|탈모 완화 샴푸 500ml 26900|"
     "퍼퓸 샴푸 500ml 18900"),
    ("헤어·바디/헤어케어/트리트먼트", 3,
     "단백질 헤어 트리트먼트 17900|아르간 헤어 오일 22900|노워시 앰플 15900|두피 스케일러 16900"),
    ("헤어·바디/바디케어/바디워시", 3.5,
     "비누꽃 바디워시 15900|우디 바디워시 16900|아토 바디워시 18900|바디 스크럽 17900"),
    ("헤어·바디/바디케어/핸드크림", 4,
     "시어버터 핸드크림 8900|무화과 핸드크림 9500|장미 핸드크림 9500|핸드크림 3종 23900|발 크림 10900"),
    ("홈프래그런스/디퓨저", 4,
     "화이트머스크 디퓨저 200ml 24900|숲향 디퓨저 200ml 24900|무화과 디퓨저 200ml 26900|"
     "차량용 디퓨저 14900|디퓨저 리필 500ml 29900"),
    ("홈프래그런스/캔들", 4,
     "라벤더 소이 캔들 22900|유리 용기 소이 캔들 27900|시나몬 캔들 21900|티라이트 20개입 9900"),
    ("홈프래그런스/룸스프레이", 2.5,
     "린넨 룸스프레이 16900|피톤치드 스프레이 13900|섬유 향수 15900|베개 미스트 14900"),
    ("리빙/침구", 3,
     "순면 차렵이불 79000|모달 베개커버 2매 24900|극세사 담요 32900|알러지 케어 매트리스커버 54900|"
     "경추 베개 45900"),
    ("리빙/주방", 4,
     "세라믹 머그 2P 18900|원목 도마 25900|실리콘 조리도구 5종 32900|유리 밀폐용기 세트 29900|"
     "리넨 앞치마 21900"),
    ("리빙/욕실", 3.5,
     "호텔 수건 5매 29900|규조토 발매트 19900|샤워 필터 24900|칫솔 살균기 34900|욕실 슬리퍼 8900"),
    ("리빙/수납", 3,
     "라탄 바구니 15900|리빙 박스 3개 27900|화장대 정리함 19900|옷걸이 20개 14900|서랍 칸막이 9900"),
    ("홈웨어/파자마", 3, "순면 파자마 세트 39900|모달 원피스 잠옷 35900|수면 바지 19900|커플 파자마 69900"),
    ("홈웨어/슬리퍼", 2.5, "폭신 거실 슬리퍼 12900|털 실내화 15900|EVA 슬리퍼 9900|면 실내화 11900"),
    ("기프트/선물세트", 2,
     "핸드케어 선물세트 32000|홈카페 선물세트 45000|스킨케어 2종 선물세트 59000|디퓨저 선물세트 49000|"
     "명절 비누 선물세트 25000"),
    ("기프트/포장 소품", 0.8, "리넨 선물 파우치 3900|선물 상자 2500|메시지 카드 5매 2900|리본 세트 1900"),
    ("이너뷰티", 3,
     "저분자 콜라겐 30포 29900|유산균 30포 25900|비오틴 60정 18900|석류즙 30포 34900|효소 30포 32900"),
)  # fmt: skip

_LAUNCHED: Final = {
    "펩타이드 앰플": date(2025, 4, 7), "매트 립 라이너": date(2025, 6, 16), "두피 스케일러": date(2025, 9, 1),
    "서랍 칸막이": date(2026, 1, 12), "효소 30포": date(2026, 4, 6),
}  # fmt: skip
_WITHDRAWN: Final = {"발 크림": date(2025, 12, 1), "뷰러": date(2026, 5, 1), "면 실내화": date(2026, 6, 1)}
_OPENED: Final = START - timedelta(days=21)


@cache
def products() -> tuple[Product, ...]:
    """Every product, in order of `no`."""
    made: list[Product] = []
    for path, share, text in _LEAVES:
        named = [item.rsplit(" ", 1) for item in text.split("|")]
        ranks = [1 / (rank + 1) ** 0.6 for rank in range(len(named))]
        for (name, price), rank in zip(named, ranks, strict=True):
            weight = share * rank / sum(ranks)
            number = str(1001 + len(made))
            dates = (_LAUNCHED.get(name), _WITHDRAWN.get(name))
            made.append(Product(number, name, path.rsplit("/", 1)[-1], int(price), weight, *dates))
    return tuple(made)


def product_no(name: str) -> str:
    """The number of the product of that name (StopIteration if there is none)."""
    return next(p.no for p in products() if p.name == name)


def index_of(number: str) -> int:
    """Position of a product in `products()`."""
    return int(number) - 1001


@cache
def category_tree() -> tuple[tuple[str, str, str | None], ...]:
    """Rows of (category_no, name, parent_category_no or None); parents come before their children."""
    numbers: dict[str, str] = {}
    rows: list[tuple[str, str, str | None]] = []
    for path, _, _ in _LEAVES:
        names = path.split("/")
        for depth in range(1, len(names) + 1):
            at = "/".join(names[:depth])
            if at not in numbers:
                numbers[at] = str(24 + len(numbers))
                rows.append((numbers[at], names[depth - 1], numbers.get("/".join(names[: depth - 1]))))
    return tuple(rows)


def members_of(*categories: str) -> np.ndarray:
    """For each product, whether its leaf is one of these."""
    import numpy as np

    return np.array([p.category in categories for p in products()])


class Shelf:
    """Draws products by what is on sale, and wanted, on each day."""

    def __init__(self, plan: Plan | None = None) -> None:
        import numpy as np

        weights = _daily_weights(plan)
        totals = weights.sum(axis=1, keepdims=True)
        rows = np.cumsum(weights / totals, axis=1) + np.arange(DAYS)[:, None]
        rows[:, -1] = np.arange(1, DAYS + 1)  # no rounding gap between one day's draws and the next day's
        self._edges = rows.ravel()
        self._count = weights.shape[1]

    def draw(self, rng: np.random.Generator, t: np.ndarray) -> np.ndarray:
        """One product index for each moment."""
        import numpy as np

        found = np.searchsorted(self._edges, t // DAY + rng.random(t.size), side="right")
        return (found % self._count).astype(np.int64)


def _daily_weights(plan: Plan | None) -> np.ndarray:
    """Demand of every product on every day (days x products), with the planted swings."""
    import numpy as np

    from cafe24_pipelines.sandbox import truth
    from cafe24_pipelines.sandbox.plan import EVERYTHING

    plan, goods = plan or EVERYTHING, products()
    best = index_of(truth.BESTSELLER)
    base = np.array([p.weight for p in goods])
    base[best] = truth.BESTSELLER_WEIGHT
    if not plan.acts("category_demand"):
        base = dice(plan.seed, "demand").permutation(base)
    weights = np.tile(base, (DAYS, 1))
    for k, p in enumerate(goods if plan.acts("assortment") else ()):
        if p.launched:
            weights[: day_of(p.launched), k] = 0
        if p.withdrawn:
            weights[day_of(p.withdrawn) :, k] = 0
    if plan.acts("stock_out"):
        weights[day_of(truth.STOCKOUT_FROM) : day_of(truth.STOCKOUT_TO) + 1, best] = 0
    weights[day_of(truth.CHANGE_FROM) :, members_of(truth.CHANGE_CATEGORY)] *= plan.size("category_change_point")
    gifts = [before_holiday(START + timedelta(days=d), within=truth.GIFT_DAYS) for d in range(DAYS)]
    weights[np.ix_(np.array(gifts), members_of(truth.GIFT_CATEGORY))] *= plan.size("gift_season")
    return weights


def category_table() -> Any:
    """The `categories` table."""
    rows = category_tree()
    return typed(
        "categories",
        {
            "category_no": [r[0] for r in rows],
            "category_name": [r[1] for r in rows],
            "parent_category_no": [r[2] for r in rows],
        },
    )


def product_table(rng: np.random.Generator, *, changing: bool = True) -> Any:
    """The `products` table: withdrawn products no longer sell and have no stock, unless nothing is `changing`."""
    import numpy as np

    goods = products()
    numbers = {name: number for number, name, _ in category_tree()}
    selling = [not changing or p.withdrawn is None for p in goods]
    stock = np.where(selling, rng.integers(5, 400, len(goods)), 0)
    return typed(
        "products",
        {
            "product_no": [p.no for p in goods],
            "product_name": [p.name for p in goods],
            "category_no": [numbers[p.category] for p in goods],
            "category": [p.category for p in goods],
            "price": [p.price for p in goods],
            "currency": ["KRW"] * len(goods),
            "created_at": [day_of((changing and p.launched) or _OPENED) * DAY + 9 * 3600 for p in goods],
            "selling": selling,
            "stock_quantity": stock,
        },
    )
