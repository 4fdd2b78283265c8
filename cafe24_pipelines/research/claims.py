"""A claim: what one page says one metric is, with its source, its day and the sentence it stands in.

A claim is that page's word, never ours. Its id comes from metric, value, unit, population and source: the same number
on another page of the source, or after the page moved, is the same claim; another source's is another one. Does not
belong here: finding claims (see `rules.py`), or keeping them (see `book.py`).
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

from cafe24_pipelines.stores.digest import text_digest

MOST_QUOTE: Final = 300
"""Letters of a quote; a longer sentence is cut at words around its number."""


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        metric: a key of `METRICS`.
        value: the number, or the lower end of a range.
        value_to: the upper end of a range; equal to `value` for one number.
        unit: %, KRW, USD or ratio.
        population: region, industry, device and channel, joined by "/" ("KR/fashion/mobile"); "" when unknown.
        period: what time it is about ("2025", "2024-Q1"), as far as the page says.
        window_days: the days within which a customer's act counts; 0 when the page doesn't say.
        published: the page's day, ISO, or "".
        source, publisher, trust: of the list of sources.
        address, title, language: of the page.
        quote: one sentence of the page at most; it contains the number.
        page: hash of the page's text, so that a change is seen without keeping the text.
        found_by: "rules", or the model that proposed it.
        doubt: why it is not compared with a mall ("" when it may be).
    """

    metric: str
    value: float
    value_to: float
    unit: str
    population: str
    period: str
    window_days: int
    published: str
    source: str
    publisher: str
    trust: str
    address: str
    title: str
    language: str
    quote: str
    page: str
    found_by: str = "rules"
    doubt: str = ""

    @property
    def id(self) -> str:
        """What makes it itself: the same number about the same people by the same source is one claim."""
        numbers = f"{self.value:.6g}", f"{self.value_to:.6g}"
        return text_digest(self.metric, *numbers, self.unit, self.population, self.source)[:20]

    def to_json(self) -> dict[str, Any]:
        """All of it, with its id."""
        return {"id": self.id, **asdict(self)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Claim":
        """The claim that `to_json` wrote."""
        return cls(**{k: v for k, v in value.items() if k in cls.__dataclass_fields__})


def number_text(claim: Claim) -> str:
    """The number with its unit, as a person reads it."""
    ends = dict.fromkeys((claim.value, claim.value_to))
    if claim.unit in ("KRW", "USD"):
        shown = "~".join(f"{v:,.0f}" if claim.unit == "KRW" else f"{v:,.2f}" for v in ends)
        return f"{shown}원" if claim.unit == "KRW" else f"${shown}"
    return "~".join(f"{v:g}" for v in ends) + ("%" if claim.unit == "%" else "배")
