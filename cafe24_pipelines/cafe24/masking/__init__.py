"""Masking of free text: what is spelt like something personal becomes a Korean placeholder.

Found are e-mail addresses, phone numbers, resident, passport, licence and customs numbers, cards, bank accounts,
parcels, dates of birth, street and lot addresses, and what a label calls a member id or a name: with separators or
none, in digits of any script, in Korean number words, with invisible characters, entities or tags in between.
Matching looks at a folded copy (`folding.py`); what is found is cut out of the text as it came.

**Which side this errs on: privacy.** What can be confused with an account, a parcel or a phone is masked: numbers of
10 to 16 digits without a unit, even if they number a thing; three groups of digits that make 10 to 16, unless all are
of three digits or fewer; a landline that might be a code beginning with zero; a date beside the word for birthday.
What can't be confused stays, because text without it is worth nothing: order numbers (20261101-0000123), prices and
anything else with a unit or counter, sizes, dates, ratings, codes with letters, bar codes that begin like one and
whose check digit agrees, numbers that no person has (1588-1234), coupons of 19 digits.

**What it can't do.** A person's name without a label, a number spread over several texts, a road without a district,
a context or a flat behind it (a particle makes "a road and a number" of half the sentences of Korean), a place
described in words, a picture. The names of a row's own people are masked where the row tells them (`own.py`).

A text that holds no digit, no @ and no word that stands for one costs one search; every rule begins with a cheap look
for what it needs. Does not belong here: which columns are masked (`field_policy.py`, `landing.py`).
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from cafe24_pipelines.cafe24.masking.digits import ASIDE, DIGIT, FEWEST, set_aside, speaks_of_birth
from cafe24_pipelines.cafe24.masking.folding import TAG, Found, fold

__all__ = ["PLACEHOLDERS", "mask_text", "may_hold"]

PLACEHOLDERS: Final = (
    "[이메일]", "[전화번호]", "[주민번호]", "[여권번호]", "[면허번호]", "[통관번호]", "[카드번호]", "[계좌번호]",
    "[번호]", "[생년월일]", "[주소]", "[회원]", "[이름]",
)  # fmt: skip
"""What personal data becomes."""

Rule = Callable[[str, int], list[Found]]
"""Finds in a folded text that holds so many digits."""

GONE: Final = "\0"
"""Stands in a folded text for a character that an earlier rule has taken."""

# digits of any script, @, &, characters that might fold to some of these, and the words for zero with which a spoken
# phone number begins
_SUSPECT: Final = re.compile(
    r"[^\t\n\r\x20-%'-/:-?A-~가-곴곶-빴빶-였옂-힣ㄱ-ㅣ\u2010-\u2027\u2030-\u205e\u2190-\u23ff\u2500-\u2775\u2794-\u2bff"
    r"\u3000-\u3003\u3008-\u3020\ufe0f\U0001f300-\U0001faff]"
)
_LABELS: Final = ("받는", "수취인", "수령인", "성함", "이름", "성명", "주문자", "구매자")


def may_hold(text: str) -> bool:
    """Whether a text holds anything that a rule could begin with; most texts of a shop don't."""
    if _SUSPECT.search(text) is not None:
        return True
    low = text.lower()
    if (
        "at" in low
        or "id" in low
        or "골뱅이" in text
        or "앳" in text
        or "엣" in text
        or "(a)" in low
        or "제로" in text
        or "아이디" in text
    ):
        return True
    return (
        "예금주" in text
        or "계좌" in text
        or "입금자" in text
        or (":" in text and any(word in text for word in _LABELS))
    )


def mask_text(text: str) -> str:
    """Free text with what is personal replaced by placeholders such as [전화번호]; masking twice changes nothing."""
    while may_hold(text):
        inside = " ".join(TAG.findall(text)) if "<" in text else ""
        masked = _masked(text, tags=bool(inside))
        if inside and may_hold(inside):  # what stands in a tag: tel:010…
            masked = _masked(masked, tags=False)
        if masked == text:
            break
        text = masked  # and again: half of a pair, alone now, may be what a rule knows
    return text


def _masked(text: str, *, tags: bool) -> str:
    folded = fold(text, tags=tags)
    found = _found(folded.text)
    return folded.replaced(found) if found else text


def _found(text: str) -> list[Found]:
    """What all rules find, in order of place; each looks at what the earlier ones left."""
    found: list[Found] = []
    digits = len(DIGIT.findall(text))
    if digits >= FEWEST and not may_hold(set_aside(text).replace(ASIDE, " ")) and not speaks_of_birth(text):
        return []  # an order number, a moment or a link and no more
    for rule in _rules():
        for start, end, placeholder in rule(text, digits):
            if GONE not in text[start:end]:
                found.append((start, end, placeholder))
                text = text[:start] + GONE * (end - start) + text[end:]
    return sorted(found)


@cache
def _rules() -> tuple[Rule, ...]:
    """Made at the first text that needs them: their patterns take a moment to compile."""
    from cafe24_pipelines.cafe24.masking.addresses import addresses
    from cafe24_pipelines.cafe24.masking.births import births
    from cafe24_pipelines.cafe24.masking.labels import labelled
    from cafe24_pipelines.cafe24.masking.mails import mails
    from cafe24_pipelines.cafe24.masking.numbers import numbers
    from cafe24_pipelines.cafe24.masking.papers import residents
    from cafe24_pipelines.cafe24.masking.phones import short_phones
    from cafe24_pipelines.cafe24.masking.spoken import spoken

    return mails, residents, births, addresses, numbers, spoken, short_phones, labelled
