"""Numbers in Korean words, or in words and digits mixed: 공일공 일이삼사 오육칠팔, 공1공-12삼4-5육78.

Most of these words are everyday syllables, so that only runs long enough are read, and a run is masked only where it
reads as a phone or resident number, or stands behind a word for an account. Does not belong here: digits alone.
"""

import re
from typing import Final

from cafe24_pipelines.cafe24.masking.digits import DAY, MONTH
from cafe24_pipelines.cafe24.masking.folding import Found

_VALUES: Final = {
    **dict(zip("공일이삼사오육칠팔구", "0123456789", strict=True)), "영": "0", "령": "0", "빵": "0", "륙": "6",
    "제로": "0", "하나": "1", "둘": "2", "셋": "3", "넷": "4", "다섯": "5", "여섯": "6", "일곱": "7", "여덟": "8",
    "아홉": "9",
}  # fmt: skip
_TOKEN: Final = re.compile(r"일곱|[0-9공영령빵일이둘삼셋사넷오육륙칠팔구]|제로|하나|다섯|여섯|여덟|아홉")
_SYLLABLES: Final = "".join(sorted({c for word in _VALUES for c in word}))
_WORDED: Final = re.compile("[공영령빵일이둘삼셋사넷오육륙칠팔구섯덟홉]")
_LIKELY: Final = re.compile(rf"[0-9{_SYLLABLES}](?:[\s\-.,/()~_*|시대픈에의]{{0,4}}[0-9{_SYLLABLES}]){{8}}")
_GAP: Final = r"(?:\s?(?:다시|대시|하이픈|에|의)\s?|[\s\-.,/()~_*|]{0,3})"
_RUN: Final = re.compile(rf"(?:{_TOKEN.pattern})(?:{_GAP}(?:{_TOKEN.pattern})){{8,}}")
_PHONE: Final = re.compile(r"(?:82)?010\d{8}|(?:82)?01[16-9]\d{7,8}|8210\d{8}|0(?:2|[3-6][1-5]|70)\d{7,8}|050\d{8,9}")
_RESIDENT: Final = re.compile(rf"\d\d{MONTH}{DAY}[1-8]\d{{6}}")

_ZEROS: Final = ("공", "영", "빵", "제로")
_ACCOUNTS: Final = ("계좌", "입금", "송금", "이체")
_SHORTEST_ACCOUNT: Final = 10
_AFTER_IS: Final = frozenset("에요고라며니야여었면지")


def spoken(text: str, digits: int) -> list[Found]:
    """Phone and resident numbers of which some part is in words."""
    account = any(word in text for word in _ACCOUNTS)
    if not account and not (digits and "0" in text) and not any(zero in text for zero in _ZEROS):
        return []
    if _WORDED.search(text) is None or _LIKELY.search(text) is None:
        return []
    found: list[Found] = []
    for run in _RUN.finditer(text):
        if _WORDED.search(text, run.start(), run.end()) is None:
            continue
        tokens = list(_TOKEN.finditer(text, run.start(), run.end()))
        found += _in_run(_of_a_number(text, tokens)) or _in_run(tokens)
        if account and not found and _is_account(text, tokens):
            found.append((run.start(), run.end(), "[계좌번호]"))
    return found


def _is_account(text: str, tokens: list[re.Match[str]]) -> bool:
    """Whether a run that is mostly words stands close behind a word for an account."""
    before = text[max(0, tokens[0].start() - 20) : tokens[0].start()]
    words = sum(t.group() in _VALUES for t in tokens)
    return len(tokens) >= _SHORTEST_ACCOUNT and 2 * words > len(tokens) and any(w in before for w in _ACCOUNTS)


def _in_run(tokens: list[re.Match[str]]) -> list[Found]:
    """The numbers in a run, from its beginning on: two may stand side by side."""
    digits = "".join(_VALUES.get(t.group(), t.group()) for t in tokens)
    found, at = [], 0
    while at < len(tokens):
        number = _number_at(digits, tokens, at)
        if number is None:
            at += 1
            continue
        end, mark = number
        used = tokens[at:end]
        if any(t.group() in _VALUES for t in used[:-1]) or _ends_in_a_word(used):
            found.append((used[0].start(), used[-1].end(), mark))
        at = end  # one in digits alone is left to others
    return found


def _number_at(digits: str, tokens: list[re.Match[str]], at: int) -> tuple[int, str] | None:
    """Where a number that begins there ends, and what it is; one that ends with a group of digits before another."""
    first = at == 0 or _apart(tokens, at)
    if not first and _in_digits(tokens, at):
        return None
    phone, resident = _PHONE.match(digits, at), _RESIDENT.match(digits, at) if first else None
    if phone is not None and (_apart(tokens, phone.end()) or phone.end() == len(tokens) - 1):  # a particle behind it
        return phone.end(), "[전화번호]"
    return (resident.end(), "[주민번호]") if resident is not None and _apart(tokens, resident.end()) else None


def _apart(tokens: list[re.Match[str]], at: int) -> bool:
    """Whether a group of digits ends before this token."""
    return at == len(tokens) or tokens[at].start() > tokens[at - 1].end()


def _in_digits(tokens: list[re.Match[str]], at: int) -> bool:
    """Whether this token and the one before are digits of one number; a word before may be a particle."""
    return tokens[at].group() not in _VALUES and tokens[at - 1].group() not in _VALUES


def _ends_in_a_word(used: list[re.Match[str]]) -> bool:
    """Whether the last digit alone is a word, and no particle or the beginning of another word."""
    last = used[-1]
    follows = last.string[last.end() : last.end() + 1]
    return last.group() in _VALUES and last.start() == used[-2].end() and not "가" <= follows <= "힣"


def _of_a_number(text: str, tokens: list[re.Match[str]]) -> list[re.Match[str]]:
    """The tokens without those at the end that belong to a word: the 사 of 사무실 after a blank, the 이 of 이에요."""
    if tokens[-1].group() == "이" and text[tokens[-1].end() : tokens[-1].end() + 1] in _AFTER_IS:
        return tokens[:-1]
    for n in range(len(tokens) - 1, 0, -1):
        if tokens[n].start() > tokens[n - 1].end():
            begins_a_word = "가" <= text[tokens[-1].end() : tokens[-1].end() + 1] <= "힣"
            return tokens[:n] if begins_a_word and len(tokens) - n < 3 else tokens
    return tokens
