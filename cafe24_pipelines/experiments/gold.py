"""What a question with gold is, and how a family of like questions is written down.

Gold modules (this one, `raw.py` and `gold_*.py`) compute in plain pandas over the landed rows and share no code with
the answering room or the lake's views; a test reads their imports. Does not belong here: scoring, answering.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.experiments.data_files import yaml_file

if TYPE_CHECKING:
    from random import Random

    from cafe24_pipelines.experiments.raw import Raw

KINDS: Final = ("api_lookup", "single_entity", "aggregate", "multi_hop", "unanswerable")

UNITS: Final[Mapping[str, tuple[str, ...]]] = {
    "order": ("건", "회", "번", "개"),
    "person": ("명", "분", "인"),
    "piece": ("개", "점", "건"),
    "kind": ("개", "종", "가지", "종류"),
    "sheet": ("장", "건", "매", "개", "회"),
    "review": ("개", "건"),
    "times": ("회", "번", "건"),
    "star": ("점", "/5", ""),
    "day": ("일", "일간"),
    "percent": ("%", "퍼센트", "프로", "%p"),
    "hour": ("시",),
    "any": (),
}
"""Units in which a number may be stated, by what is counted; empty means any. `money` depends on the currency."""

_MONEY: Final = {"KRW": ("원",), "JPY": ("엔", "JPY"), "USD": ("달러", "USD", "$"), "GBP": ("파운드", "GBP", "£")}


def money_units(currency: str) -> tuple[str, ...]:
    """Units in which an amount of this currency may be stated."""
    return _MONEY.get(currency, (currency,))


@dataclass(frozen=True)
class GoldNumber:
    """One number that the answer must state.

    `digits` is how many decimals an answer must keep at least: 0 makes counts and money exact, 1 lets a rate be any
    right rounding to one decimal or more. `also` holds other readings of the same words, each as right.
    """

    value: float
    units: tuple[str, ...]
    digits: int = 0
    also: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, for files and digests."""
        return {"value": self.value, "units": list(self.units), "digits": self.digits, "also": list(self.also)}


@dataclass(frozen=True)
class Gold:
    """The right answer: numbers and names to state, documents to cite, or a refusal.

    Attributes:
        names: each must be said; `a|b` means either.
        documents: ids of documents that must be cited, all of them.
        accepted: beginnings of document ids whose citation is right too, though nobody misses it.
        computed: whether the answer must cite a computation.
    """

    numbers: tuple[GoldNumber, ...] = ()
    names: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    computed: bool = False
    refuse: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values, for files and digests."""
        return {
            "numbers": [n.to_json() for n in self.numbers], "names": list(self.names),
            "documents": list(self.documents), "accepted": list(self.accepted), "computed": self.computed,
            "refuse": self.refuse,
        }  # fmt: skip


@dataclass(frozen=True)
class GoldQuestion:
    """One question of the set; `family` groups those that ask alike, `style` says how it is worded."""

    id: str
    kind: str
    family: str
    text: str
    style: str
    gold: Gold

    def to_json(self) -> dict[str, Any]:
        """Plain values, for files and digests."""
        return {
            "id": self.id, "kind": self.kind, "family": self.family, "question": self.text, "style": self.style,
            "gold": self.gold.to_json(),
        }  # fmt: skip


@dataclass(frozen=True)
class Case:
    """The words that fill a family's wordings, and the gold that follows from them."""

    slots: Mapping[str, str]
    gold: Gold


Cases = Callable[["Raw", "Random"], Iterable[Case]]


@dataclass(frozen=True)
class Family:
    """Questions of one form, as `data/families.yaml` words it.

    Attributes:
        cases: what can be asked of a mall; `many` of them are drawn.
        needs: tables without which nothing can be asked.
        api: API resources whose documents may be cited as where the data comes from.
    """

    key: str
    kind: str
    wordings: tuple[str, ...]
    cases: Cases
    many: int
    needs: tuple[str, ...]
    api: tuple[str, ...]


def families(cases: Mapping[str, Cases]) -> tuple[Family, ...]:
    """The families of these case functions, by key."""
    worded = yaml_file("families.yaml")
    return tuple(
        Family(key, w["kind"], tuple(w["wordings"]), of, w["many"], tuple(w["needs"]), tuple(w["api"]))
        for key, of in cases.items()
        if (w := worded[key])
    )


def stated(numbers: Iterable[GoldNumber] = (), *names: str) -> Gold:
    """Gold for a question about the mall's own data: these numbers and names, computed."""
    return Gold(numbers=tuple(numbers), names=names, computed=True)


def counted(value: float, what: str, *also: float) -> GoldNumber:
    """An exact count of something in `UNITS`."""
    return GoldNumber(float(value), UNITS[what], also=tuple(float(v) for v in also))


def rate(part: float, whole: float) -> GoldNumber:
    """A share in per cent, right to one decimal at least."""
    return GoldNumber(float(100.0 * part / whole), UNITS["percent"], digits=1)


def mean(value: float, what: str, digits: int = 1) -> GoldNumber:
    """An average, right to `digits` decimals at least."""
    return GoldNumber(float(value), UNITS[what], digits=digits)
