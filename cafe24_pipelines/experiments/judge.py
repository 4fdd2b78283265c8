"""An optional judge: a model that says which of two answers serves the merchant better, and how far to trust it.

Every pair is judged twice with the seats swapped; a judge that changes its mind gives a tie. Before its votes count
it judges a labelled set, and counts only from Cohen's kappa `TRUSTED` on. Answers are data: fenced by lines whose
key is made from them. The local composer can't judge. Does not belong here: exact scores (`scoring.py`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Protocol

from cafe24_pipelines.experiments.data_files import json_lines, prompt
from cafe24_pipelines.experiments.gold import Gold
from cafe24_pipelines.experiments.statistics import kappa

TRUSTED: Final = 0.6
"""Declared before any judge was tried: below this agreement with the labels its votes are shown and not counted."""
LONGEST: Final = 4000
"""Letters of an answer that a judge reads."""


class Model(Protocol):
    """What a judge needs of a language model."""

    def complete(self, messages: list[dict[str, str]], *, max_tokens: int = ...) -> Any:
        """A reply with `text`."""


@dataclass(frozen=True)
class Pair:
    """Two answers to one question, and what is right."""

    question: str
    reference: str
    first: str
    second: str


@dataclass(frozen=True)
class Vote:
    """The judge on a pair, both seatings together; `flipped`: the seats decided; `unread`: it didn't say."""

    winner: str
    flipped: bool = False
    unread: bool = False


@dataclass(frozen=True)
class Agreement:
    """How a judge agrees with the labelled pairs."""

    pairs: int
    kappa: float
    low: float
    high: float
    flips: int
    unread: int

    @property
    def trusted(self) -> bool:
        """Whether its votes count."""
        return self.kappa >= TRUSTED


@dataclass(frozen=True)
class Lengths:
    """Letters of answers that were preferred and that were not: a judge that pays for length shows here."""

    preferred: float
    other: float
    longer_won: int
    decided: int


def vote(model: Model, pair: Pair) -> Vote:
    """One vote: the answer that wins in both seats, else a tie."""
    here = _read(model.complete(_messages(pair), max_tokens=16).text)
    there = _read(model.complete(_messages(_swapped(pair)), max_tokens=16).text)
    if here is None or there is None:
        return Vote("tie", unread=True)
    back = {"first": "second", "second": "first", "tie": "tie"}[there]
    return Vote(here) if here == back else Vote("tie", flipped=True)


def agreement(model: Model) -> Agreement:
    """The judge's votes on the labelled pairs against their labels."""
    labelled = labelled_pairs()
    votes = [vote(model, pair) for pair, _ in labelled]
    value, low, high = kappa([v.winner for v in votes], [label for _, label in labelled])
    return Agreement(len(votes), value, low, high, sum(v.flipped for v in votes), sum(v.unread for v in votes))


def labelled_pairs() -> list[tuple[Pair, str]]:
    """The labelled set of `data/judge_labels.jsonl`: pairs with who should win."""
    rows = json_lines("judge_labels.jsonl")
    return [(Pair(r["question"], r["reference"], r["first"], r["second"]), str(r["label"])) for r in rows]


def lengths(pairs: Sequence[Pair], votes: Sequence[Vote]) -> Lengths:
    """How long the preferred answers are against the others, over decided pairs."""
    decided = [(p, v) for p, v in zip(pairs, votes, strict=True) if v.winner != "tie"]
    won = [len(p.first if v.winner == "first" else p.second) for p, v in decided]
    lost = [len(p.second if v.winner == "first" else p.first) for p, v in decided]
    n = len(decided)
    return Lengths(sum(won) / n if n else 0.0, sum(lost) / n if n else 0.0,
                   sum(a > b for a, b in zip(won, lost, strict=True)), n)  # fmt: skip


def reference_of(gold: Gold) -> str:
    """The gold in words, for a judge."""
    if gold.refuse:
        return "답하지 않아야 함 (자료로 답할 수 없는 질문)"
    numbers = [f"{n.value:,.2f}".rstrip("0").rstrip(".") + (n.units[0] if n.units else "") for n in gold.numbers]
    return ", ".join([*numbers, *(name.split("|")[0] for name in gold.names)])


def pairs_of(questions: Iterable[Any], first: Mapping[str, Mapping[str, Any]],
             second: Mapping[str, Mapping[str, Any]]) -> list[Pair]:  # fmt: skip
    """The pairs of two arms' stored answers by question id."""
    return [Pair(q.text, reference_of(q.gold), str(first[q.id]["answer"]), str(second[q.id]["answer"]))
            for q in questions]  # fmt: skip


def _swapped(pair: Pair) -> Pair:
    return Pair(pair.question, pair.reference, pair.second, pair.first)


def _messages(pair: Pair) -> list[dict[str, str]]:
    fence = sha256("\0".join([pair.question, pair.first, pair.second]).encode()).hexdigest()[:12]
    body = (
        f"# 질문\n\n{_inert(pair.question)}\n\n# 정답\n\n{_inert(pair.reference)}\n\n"
        f"===답 {fence} 가\n{_inert(pair.first)}\n===끝 {fence}\n\n"
        f"===답 {fence} 나\n{_inert(pair.second)}\n===끝 {fence}\n\n"
        "어느 답이 낫습니까? 첫 줄에 가, 나, 무승부 가운데 하나만 쓰세요."
    )
    return [{"role": "system", "content": prompt("judge.ko.md")}, {"role": "user", "content": body}]


def _inert(text: str) -> str:
    """Text that can't look like a fence or a heading of the prompt."""
    return re.sub(r"^(===|#)", r" \1", text[:LONGEST], flags=re.MULTILINE)


def _read(reply: str) -> str | None:
    """The vote in the reply's first line; None when it is none of the three."""
    lines = reply.strip().splitlines()
    word = re.sub(r"[\s`*\"'.:]", "", lines[0]) if lines else ""
    return {"가": "first", "나": "second", "무승부": "tie"}.get(word)
