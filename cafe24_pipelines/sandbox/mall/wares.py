"""What the mall's products are beyond the catalogue: codes, options, variants, and the English shop's range.

Fixed data derived from the catalogue. Does not belong here: the rows that the API shows (`catalogue_rows.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from cafe24_pipelines.sandbox import truth
from cafe24_pipelines.sandbox.catalog import Product, category_tree, products
from cafe24_pipelines.sandbox.mall.moments import NEVER
from cafe24_pipelines.sandbox.seasons import DAY, day_of

_OPTIONS: Final = {
    "파자마": ("사이즈", ("S", "M", "L")),
    "슬리퍼": ("사이즈", ("230", "250", "270")),
    "립": ("색상", ("로즈", "코랄")),
    "베이스": ("호수", ("21호", "23호")),
}
_ENGLISH: Final = {
    "1001": "Green Tea Cleansing Oil", "1002": "Mild Acid Cleansing Foam", "1006": "Heartleaf Calming Toner",
    "1008": "Hyaluron Toner Pads", "1010": "Cica Calming Serum", "1011": "Retinol Starter Ampoule",
    "1012": "Vitamin C Serum", "1015": "Firming Collagen Cream", "1017": "Moisture Gel Cream",
    "1018": "Retinol Night Cream", "1020": "Centella Sheet Mask 10 pcs", "1021": "Collagen Sheet Mask 10 pcs",
    "1024": "Mineral Sun Cream", "1028": "Skincare Miniature Kit", "1032": "Cover Cushion", "1036": "Dewy Lip Tint",
    "1037": "Velvet Lipstick", "1047": "Rose Quartz Gua Sha", "1064": "White Musk Diffuser 200 ml",
    "1069": "Lavender Soy Candle",
}  # fmt: skip
"""The English shop's range: product_no and name."""
_WON_A_DOLLAR: Final = 1350
_TRIALS: Final = (
    ("테스트 상품 (진열 금지)", "수납", 1000, 40, 52),
    ("한정 수량 럭키백", "선물세트", 19900, 100, 131),
    ("[샘플] 신상 토너 미리보기", "토너", 9900, 300, 305),
)
"""Products that came and were deleted before the end: name, leaf category, won, first and last day."""


@dataclass(frozen=True)
class Ware:
    """One product. `created`, `withdrawn` and `deleted` are times; `dollars` in cents (0: not sold in English)."""

    index: int
    no: int
    name: str
    category_no: int
    category: str
    price: int
    created: int
    withdrawn: int
    deleted: int
    code: str
    option: str
    choices: tuple[str, ...]
    english: str
    dollars: int

    @property
    def variants(self) -> int:
        """How many variants it has; one without options."""
        return max(1, len(self.choices))

    def variant_code(self, variant: int) -> str:
        """Twelve characters: the product's code and four for the variant."""
        return f"{self.code}000{chr(65 + variant)}"

    def sold_out(self, t: int) -> bool:
        """Whether it can't be had at `t`: withdrawn, or the planted stock-out."""
        if str(self.no) != truth.BESTSELLER:
            return t >= self.withdrawn
        return day_of(truth.STOCKOUT_FROM) * DAY <= t < (day_of(truth.STOCKOUT_TO) + 1) * DAY


@cache
def wares() -> tuple[Ware, ...]:
    """Every product that the mall ever had: the catalogue in its order, then those deleted before the end."""
    numbers = {name: int(number) for number, name, _ in category_tree()}
    made = [_ware(k, p, numbers[p.category]) for k, p in enumerate(products())]
    for name, category, price, first, last in _TRIALS:
        no = made[-1].no + 1
        made.append(
            Ware(len(made), no, name, numbers[category], category, price, first * DAY + 36_000, NEVER,
                 last * DAY + 61_200, _code(no), "", (), "", 0)
        )  # fmt: skip
    return tuple(made)


@cache
def english_range() -> tuple[int, ...]:
    """Positions in `wares()` of what the English shop sells."""
    return tuple(w.index for w in wares() if w.english)


def variant_of(order: int, ware: Ware) -> int:
    """Which variant the order of that number took."""
    return (order * 7 + ware.index) % ware.variants


def _ware(index: int, p: Product, category_no: int) -> Ware:
    created = day_of(p.launched) * DAY if p.launched else -21 * DAY
    withdrawn = day_of(p.withdrawn) * DAY if p.withdrawn else NEVER
    option, choices = _OPTIONS.get(p.category, ("", ()))
    english = _ENGLISH.get(p.no, "")
    dollars = round(p.price / _WON_A_DOLLAR) * 100 - 10 if english else 0
    return Ware(index, int(p.no), p.name, category_no, p.category, p.price, created + 9 * 3600, withdrawn, NEVER,
                _code(int(p.no)), option, choices, english, dollars)  # fmt: skip


def _code(no: int) -> str:
    """P and seven characters: the number in letters, as Cafe24 counts products."""
    letters = ""
    while no:
        no, rest = divmod(no, 26)
        letters = chr(65 + rest) + letters
    return f"P{letters:0>7}"
