"""The data set: which examples stay, and on which side of the split.

Examples that repeat or nearly repeat another, that are too long, or that say nothing are left out and counted. One
with personal data stops the build. Train and validation share no source and no near-equal question.
Does not belong here: wording (`examples.py`), storage (`store.py`), the provider's format (`validate.py`).
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.masking import PLACEHOLDERS, mask_text
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.finetune.examples import Example, answer_examples, document_examples, pattern_examples
from cafe24_pipelines.finetune.likeness import NEAR, jaccard, near_pairs, normalise, shingles
from cafe24_pipelines.finetune.split import split
from cafe24_pipelines.finetune.tokens import TokenCounter, token_counter
from cafe24_pipelines.stores.digest import text_digest

if TYPE_CHECKING:
    from cafe24_pipelines.answers.verified import VerifiedAnswer
    from cafe24_pipelines.discovery.patterns import Pattern
    from cafe24_pipelines.knowledge.documents import Document

MAX_TOKENS: Final = 2048
"""Longest example, chat template included. A longer one is left out, never cut: half an answer misleads."""

_MEMBER_KEY: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


class PersonalData(Cafe24Error):
    """An example holds what looks like personal data."""


@dataclass(frozen=True)
class Report:
    """What is in a data set, and what was left out with the reason. `tokens` includes the chat template."""

    mall_id: str
    examples: int
    train: int
    validation: int
    tokens: int
    train_tokens: int
    validation_tokens: int
    longest: int
    tokenizer: str
    by_source: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Dataset:
    """Examples for training and validation, in the order they are written."""

    train: list[Example]
    validation: list[Example]
    report: Report

    @property
    def digest(self) -> str:
        """Digest of both files' content."""
        return text_digest(jsonl(self.train), jsonl(self.validation))


def build_dataset(
    documents: "Iterable[Document]",
    answers: "Iterable[VerifiedAnswer]",
    patterns: "Iterable[Pattern]",
    mall_id: str,
    tokenizer_file: str = "",
    *,
    learned: "Iterable[VerifiedAnswer]" = (),
    max_tokens: int = MAX_TOKENS,
) -> Dataset:
    """The data set of a mall; the same input gives the same bytes, whatever order it comes in.

    Args:
        documents: documents to ask about.
        answers: verified answers, which win over others that ask the same.
        patterns: findings of the mall.
        mall_id: for the report.
        tokenizer_file: a local `tokenizer.json`; "" counts by a stated approximation.
        learned: what feedback taught (`learning/candidates.py`); after the bank's answers, before all else.
        max_tokens: longest example, chat template included.

    Raises:
        PersonalData: an example holds an e-mail address, a phone or resident number, or a member key.
        ConfigError: the tokenizer file can't be used.
    """
    counter = token_counter(tokenizer_file)
    dropped: Counter[str] = Counter()
    found = [
        *sorted(answer_examples(answers), key=_order),
        *sorted(answer_examples(learned, "learned"), key=_order),
        *sorted(pattern_examples(patterns), key=_order),
        *sorted(document_examples(documents), key=_order),
    ]
    for example in found:
        refuse_personal_data(example)
    kept = _fitting(_said(found, dropped), counter, max_tokens, dropped)
    kept = _different(kept, dropped)
    train, validation = split(kept)
    sizes = [_tokens(e, counter) for e in train], [_tokens(e, counter) for e in validation]
    report = Report(
        mall_id=mall_id,
        examples=len(kept),
        train=len(train),
        validation=len(validation),
        tokens=sum(map(sum, sizes)),
        train_tokens=sum(sizes[0]),
        validation_tokens=sum(sizes[1]),
        longest=max([*sizes[0], *sizes[1]], default=0),
        tokenizer=counter.name,
        by_source=dict(sorted(Counter(e.kind for e in kept).items())),
        dropped=dict(sorted(dropped.items())),
    )
    return Dataset(train, validation, report)


def jsonl(examples: Iterable[Example]) -> str:
    """The examples as lines of JSON, Hangul as it is."""
    return "".join(json.dumps(e.to_json(), ensure_ascii=False) + "\n" for e in examples)


def refuse_personal_data(example: Example) -> None:
    """Raise when an example holds personal data; the message names the example, never the data.

    Raises:
        PersonalData: an e-mail address, a phone or resident number, or a member key is in it.
    """
    for part, text in (("question", example.question), ("answer", example.answer)):
        found = "a member key" if _MEMBER_KEY.search(text) else ""
        masked = mask_text(text)
        if masked != text:
            marks = (m for m in PLACEHOLDERS if masked.count(m) > text.count(m))
            found = f"what looks like {', '.join(marks)}"
        if found:
            raise PersonalData(
                f"the {part} holds {found}", where=f"example of {example.kind} {example.source}",
                remedy="remove it from the source; personal data never goes into a training file",
            )  # fmt: skip


def _said(examples: list[Example], dropped: Counter[str]) -> list[Example]:
    """Without blank ones, and without answers in which the offline composer speaks of itself."""
    from cafe24_pipelines.answers.extractive import NOT_GENERATIVE

    said = [e for e in examples if e.question.strip() and e.answer.strip()]
    _count(dropped, "empty", len(examples) - len(said))
    kept = [e for e in said if NOT_GENERATIVE not in e.answer]
    _count(dropped, "about_the_composer", len(said) - len(kept))
    return kept


def _fitting(examples: list[Example], counter: TokenCounter, limit: int, dropped: Counter[str]) -> list[Example]:
    kept = [e for e in examples if _tokens(e, counter) <= limit]
    _count(dropped, "too_long", len(examples) - len(kept))
    return kept


def _different(examples: list[Example], dropped: Counter[str]) -> list[Example]:
    """Without repeated questions, and without pairs of which question and answer are both nearly equal.

    The earlier one stays. The same answer to a question put in other words is no repetition.
    """
    asked: dict[str, Example] = {}
    for example in examples:
        asked.setdefault(normalise(example.question), example)
    first = list(asked.values())
    _count(dropped, "duplicate", len(examples) - len(first))
    questions = [shingles(e.question) for e in first]
    gone: set[int] = set()
    for one, two in near_pairs(questions):
        if not {one, two} & gone and jaccard(shingles(first[one].answer), shingles(first[two].answer)) >= NEAR:
            gone.add(two)
    _count(dropped, "near_duplicate", len(gone))
    return [e for position, e in enumerate(first) if position not in gone]


def _count(dropped: Counter[str], reason: str, number: int) -> None:
    if number:
        dropped[reason] += number


def _tokens(example: Example, counter: TokenCounter) -> int:
    return counter.conversation([m["content"] for m in example.to_json()["messages"]])


def _order(example: Example) -> tuple[str, str, str, str]:
    return example.kind, example.source, example.question, example.answer
