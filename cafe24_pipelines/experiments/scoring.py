"""What an answer is worth against its gold. Pure functions over plain values; every rule is written down here.

An answer that should be given is *right* when every gold number stands in it with its unit, every gold name is said,
every gold document is cited (or a computation, for the mall's own numbers), and no other sentence says the same with
another number. A number from a document must stand in a sentence that shares letters with the question, itself or in
the head of its paragraph: quoted pages hold many numbers. It is *refused* when it was refused, else *wrong*. A
question that must be refused is right when refused. Does not belong here: faithfulness (`faithfulness.py`), comparing
arms (`statistics.py`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cafe24_pipelines.experiments.gold import Gold, GoldNumber, GoldQuestion
from cafe24_pipelines.experiments.stated import Stated, sentences, statements

MOST_NUMBERS: Final = 40
"""More numbers of one unit than this are a list that was emptied, not an answer: none of them counts as stated."""

_OPERATION: Final = "CRM_ApiEndpoint:"


@dataclass(frozen=True)
class Score:
    """One answer, judged. Rates are None where there is nothing to rate.

    Attributes:
        verdict: right, wrong or refused (a refusal where an answer was due; a due refusal is right).
        why: what made it wrong, in words of this module; empty when right.
        numbers, names: share of the gold's that the answer states.
        citation_precision, citation_recall: of documents, or of computations for the mall's own numbers.
        over_refusal, under_refusal: refused though it could be answered; answered though it can't be.
    """

    question_id: str
    kind: str
    verdict: str
    why: tuple[str, ...]
    numbers: float | None
    names: float | None
    citation_precision: float | None
    citation_recall: float | None
    over_refusal: bool
    under_refusal: bool
    faithful_numbers: float | None
    faithful_sentences: float | None
    length: int
    latency_ms: float
    input_tokens: int
    output_tokens: int
    cost_usd: float | None

    @property
    def right(self) -> bool:
        """Whether the verdict is right."""
        return self.verdict == "right"

    @property
    def rank(self) -> int:
        """Right over refused over wrong: a refusal misleads nobody."""
        return {"right": 2, "refused": 1, "wrong": 0}[self.verdict]


def score(question: GoldQuestion, kept: Mapping[str, Any]) -> Score:
    """Judge one stored answer (see `answering.py` for its keys)."""
    gold, text, refused = question.gold, str(kept["answer"]), bool(kept["refused"])
    found = statements(text)
    spoken = found if gold.computed else _about(question.text, found, text)
    numbers = None if gold.refuse else _share(_states(n, spoken) for n in gold.numbers)
    names = None if gold.refuse else _share(_says(name, text) for name in gold.names)
    precision, recall = (None, None) if refused or gold.refuse else citations(gold, kept["citations"])
    why = _faults(gold, refused, {"number": numbers, "name": names, "source": recall}, contradicted(gold, found))
    verdict = "right" if not why else "refused" if refused else "wrong"
    return Score(
        question.id, question.kind, verdict, why, None if refused else numbers, None if refused else names,
        precision, recall, refused and not gold.refuse, gold.refuse and not refused,
        kept.get("faithful_numbers"), kept.get("faithful_sentences"), len(text), float(kept["latency_ms"]),
        int(kept["input_tokens"]), int(kept["output_tokens"]), kept["cost_usd"],
    )  # fmt: skip


def _faults(gold: Gold, refused: bool, missing: Mapping[str, float | None], twice: bool) -> tuple[str, ...]:
    """What is wrong; `missing` holds the share that is there, by what is missing where it isn't whole."""
    if gold.refuse:
        return () if refused else ("answered what nothing answers",)
    if refused:
        return ("refused what can be answered",)
    found = [f"a {what} is missing" for what, share in missing.items() if share is not None and share < 1]
    return (*found, "contradicts itself") if twice else tuple(found)


def matches(gold: GoldNumber, stated: Stated) -> bool:
    """Whether a stated number is the gold one: right unit, and a right rounding to as many decimals as it must keep.

    A number without decimals passes only when the gold, rounded to what it must keep, has none either.
    """
    if gold.units and stated.unit not in gold.units:
        return False
    return any(_rounds_to(value, stated, gold.digits) for value in (gold.value, *gold.also))


def _rounds_to(value: float, stated: Stated, digits: int) -> bool:
    if stated.decimals < digits:
        return abs(round(value, digits) - stated.value) < 1e-9
    step = 10.0**-stated.decimals
    return abs(value - stated.value) <= 0.5 * step + 1e-9 * max(1.0, abs(value))


def _states(gold: GoldNumber, found: list[Stated]) -> bool:
    same_unit = [s for s in found if not gold.units or s.unit in gold.units]
    return len(same_unit) <= MOST_NUMBERS and any(matches(gold, s) for s in same_unit)


def _about(question: str, found: list[Stated], text: str) -> list[Stated]:
    """Numbers whose sentence, or the head of its paragraph, shares letters with the question."""
    heads, asked = _heads(text), _pairs(question)
    return [s for s in found if asked & _pairs(f"{s.sentence} {heads.get(s.sentence, '')}")]


def _heads(text: str) -> dict[str, str]:
    """The first line of the paragraph that each sentence stands in."""
    found: dict[str, str] = {}
    for paragraph in re.split(r"\n\s*\n", text):
        inside = sentences(paragraph)
        for one in inside:
            found.setdefault(one, inside[0])
    return found


def _pairs(text: str) -> set[str]:
    """Pairs of letters that stand together in a word: what two Korean texts share when they speak of one thing."""
    words = re.findall(r"[가-힣]{2,}|[A-Za-z]{2,}", text)
    return {word[i : i + 2].lower() for word in words for i in range(len(word) - 1)}


def _says(name: str, text: str) -> bool:
    """Whether a spelling is said, whatever the blanks; an API path only as a whole, not within a longer one."""
    squeezed = re.sub(r"\s+", "", text).lower()
    for one in name.split("|"):
        wanted = re.escape(re.sub(r"\s+", "", one).lower())
        if re.search(wanted + r"(?![/a-z0-9_{])" if one.startswith("/api/") else wanted, squeezed):
            return True
    return False


def contradicted(gold: Gold, found: list[Stated]) -> bool:
    """Whether two sentences say the same with different numbers, one of them the gold."""
    for number in gold.numbers:
        right = {s.frame for s in found if matches(number, s)}
        told: dict[tuple[str, str], bool] = {}
        for s in found:
            if s.frame in right and (not number.units or s.unit in number.units):
                told[s.frame, s.sentence] = told.get((s.frame, s.sentence), False) or matches(number, s)
        if not all(told.values()):
            return True
    return False


def citations(gold: Gold, cited: Iterable[Mapping[str, Any]]) -> tuple[float | None, float | None]:
    """Precision and recall of what is cited.

    A graph node is no false citation (the graph's neighbours are shown as such), but the node of an operation names
    that operation as its document does.

    For the mall's own numbers the computation must be cited; the API resources that its rows come from may be.
    """
    every = list(cited)
    given = [c for c in every if c["kind"] != "graph"]
    if gold.computed:
        good = [c for c in given if c["kind"] == "computed" or _any(c["id"], gold.accepted)]
        recall = 1.0 if any(c["kind"] == "computed" for c in given) else 0.0
    else:
        ids = {c["id"].removeprefix(_OPERATION) for c in every}
        needed = [set(one.split("|")) for one in gold.documents]
        wanted = set().union(*needed)
        good = [c for c in given if c["id"] in wanted or _any(c["id"], gold.accepted)]
        recall = sum(bool(ids & one) for one in needed) / len(needed) if needed else 1.0
    return (len(good) / len(given) if given else None), recall


def _any(document: str, beginnings: tuple[str, ...]) -> bool:
    return any(document.startswith(one) for one in beginnings)


def _share(hits: Iterable[bool]) -> float | None:
    listed = list(hits)
    return sum(listed) / len(listed) if listed else None
