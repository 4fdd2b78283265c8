"""Questions that are not answered, and why: each refusal says in Korean what would be needed instead.

The rules are data (`queries/refusals.yaml`), matched against the question's own words before anything is read or
computed. Does not belong here: questions that turn out to have no material (see `ask.py`, `gather.py`).
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from cafe24_pipelines.answers.words import jamo_distance, read_yaml, squeezed

_LATIN: Final = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455\u0458\u0501\u04bb\u0433\u03bf\u03b1\u03b9\u03b5\u03c1",
    "aeopcyxisjdhroaiep",
)
"""Cyrillic and Greek small letters that look like Latin ones."""
_TO_A_MODEL: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"라고만?(?:출력|대답|답변|답|말|응답)(?:하라|하시오|해라|하십시오|하세요|해주세요|해줘|할것)",
        r"(?:출력|복창)(?:하라|하시오|해라|하십시오|할것)",
        r"(?:ai|인공지능|언어모델|챗봇|어시스턴트|assistant|llm|gpt)(?:에게|은|는|이여|아|야|님)?[,:]?.{0,30}(?:하라|하시오|해라|하십시오|해줘|해주세요|시오)(?:[.!]|$)",
        r"(?:새로운|다음|아래)(?:지시|명령)(?:사항)?[을를은는에]?.{0,12}(?:따르|수행|실행|우선)",
        r"newinstructions?|(?:respond|reply|answer)(?:only)?with|(?:output|print|say|repeat)(?:only|exactly|theword|thefollowing)",
        r"asan?ai(?:language)?model|you(?:are|must)(?:now|only)|(?:ignore|disregard|forget|override)(?:all|any|the|your|every)",
        r"<\|?/?(?:im_start|im_end|system|assistant|user|endoftext)[^>]{0,20}>|\[/?inst\]|<</?sys>>",
        r"^(?:[#*>\-]*)(?:system|assistant|developer|시스템|관리자메시지)(?:message|prompt|메시지)?[:：\]]",
    )
)
"""Sentences that speak to a model, in material: wider than the rule for questions, as nobody is turned away by it."""


@dataclass(frozen=True)
class Refusal:
    """Why a question is refused (`rule`), and the Korean text that the reader gets."""

    rule: str
    text: str


@dataclass(frozen=True)
class _Rule:
    refusal: Refusal
    any: tuple[re.Pattern[str], ...]
    unless: tuple[re.Pattern[str], ...]

    def matches(self, text: str) -> bool:
        hit = any(pattern.search(text) for pattern in self.any)
        return hit and not any(pattern.search(text) for pattern in self.unless)


def refuse(question: str) -> Refusal | None:
    """The refusal that the question's words call for, or None."""
    if _injects(question):
        return _rules()[0].refusal
    text = squeezed(question)
    found = next((rule.refusal for rule in _rules()[1:] if rule.matches(text)), None)
    return found or _misspelt(question)


def _misspelt(question: str) -> Refusal | None:
    """Personal data asked for with a slip of the finger (`고객 실몀`): one letter (jamo) off a word for it."""
    if not re.search(r"고객|회원|구매자|손님|주문자|[0-9a-f]{8}", question):
        return None
    words = [_mended(word) for word in question.split()]
    if words == question.split():
        return None
    text = squeezed(" ".join(words))
    personal = (rule for rule in _rules() if rule.refusal.rule == "personal_data")
    return next((rule.refusal for rule in personal if rule.matches(text)), None)


def _mended(word: str) -> str:
    if _OTHER_WORDS.match(word):
        return word
    for known in _PERSONAL:
        head = word[: len(known)]
        if head != known and len(head) == len(known) and jamo_distance(head, known) == 1:
            return known + word[len(known) :]
    return word


_PERSONAL: Final = (
    "전화번호", "휴대폰번호", "연락처", "이메일", "생년월일", "실명", "성함", "주소", "집주소", "명단",
)  # fmt: skip
_OTHER_WORDS: Final = re.compile(
    r"설명|실망|실형|성황|성함|주[로고도조지기시수서]|구소|두소|주스|명[당란암]|면단|집주[로고]"
)
"""Words that are one letter off a word for personal data and mean something else."""


def looks_like_instruction(sentence: str) -> bool:
    """Whether a sentence in a document or review speaks to the model and not to a reader."""
    text = _looks(sentence)
    return any(pattern.search(text) for pattern in _TO_A_MODEL) or _injects(sentence)


def _injects(text: str) -> bool:
    """Whether the rule about injected instructions matches, in disguise too: other scripts, dots between letters."""
    letters = _looks(text)
    return any(_rules()[0].matches(form) for form in (squeezed(text), letters, re.sub(r"[\W_]", "", letters)))


def _looks(text: str) -> str:
    """The text as it looks: wide letters and letters of other scripts as the Latin ones, without spaces."""
    return squeezed(unicodedata.normalize("NFKC", text)).translate(_LATIN)


def forecast_text() -> str:
    """The text for values that lie in the future."""
    return next(rule.refusal.text for rule in _rules() if rule.refusal.rule == "forecast")


@cache
def _rules() -> tuple[_Rule, ...]:
    """Every rule in order; the first is about injected instructions."""
    loaded = read_yaml("refusals")
    unless = {name: re.compile(pattern) for name, pattern in loaded["unless"].items()}
    return tuple(_rule(entry, loaded["parts"], unless) for entry in loaded["rules"])


def _rule(entry: dict[str, Any], parts: dict[str, str], unless: dict[str, re.Pattern[str]]) -> _Rule:
    patterns = []
    for pattern in entry["any"]:
        for name, part in parts.items():
            pattern = pattern.replace(f"<{name}>", part)  # noqa: PLW2901
        patterns.append(re.compile(pattern))
    text = f"{entry['text']} {entry['needed']}." if "needed" in entry else entry["text"]
    exceptions = tuple(unless[name] for name in entry.get("unless", ()))
    return _Rule(Refusal(entry["rule"], text), tuple(patterns), exceptions)
