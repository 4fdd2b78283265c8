"""What becomes of a question before anything reads, stores or sends it: cleaned of the unseen, personal data masked.

Invisible characters (zero width, direction marks, Unicode tags) carry text that a reader doesn't see and a model
does, so they go. Personal data becomes placeholders by the same rules that mask a shop's free text
(`cafe24/masking/`); here a name with an honorific is masked too. Rules of refusal see the words as they were typed,
in memory only. Does not belong here: what is refused (`refusal.py`).
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from cafe24_pipelines.answers.words import normal
from cafe24_pipelines.cafe24.privacy import mask_text
from cafe24_pipelines.errors import BadInput

MAX_QUESTION: Final = 1000

_PLACEHOLDER: Final = re.compile(r"\[[가-힣]{2,4}\]")
_SURNAMES: Final = (
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지엄"
    "채원천방공현함변염여추도소석선설마길연위표명기반왕금옥"
)
_NAMED: Final = re.compile(rf"(?<![가-힣])([{_SURNAMES}][가-힣]{{2}})(?=\s?(?:고객님|회원님|님|씨)(?![가-힣]{{3}}))")
_NOBODY: Final = re.compile(
    r"고객|회원|이용자|사용자|주문자|구매자|신청자|방문자|수령인|소비자|담당자|관리자|운영자|판매자|기획자|전문가|선생|사장|대표|과장|부장|팀장|여러분|"
    r"신규|우수|단골|기존|전체|휴면|탈퇴|정회원"
)


@dataclass(frozen=True)
class Taken:
    """A question as it is worked with. `plain` is what the rules of refusal look at and is kept nowhere."""

    text: str
    plain: str
    masked: tuple[str, ...]


def take(question: str) -> Taken:
    """The question without what can't be seen and without what is personal.

    Raises:
        BadInput: the question is empty or longer than 1,000 characters.
    """
    plain = normal(visible(question))
    if not plain:
        raise BadInput("the question is empty", remedy='ask something, e.g. cafe24 ask "지난달 매출은?"')
    if len(plain) > MAX_QUESTION:
        raise BadInput(f"the question has {len(plain)} characters", remedy=f"shorten it to {MAX_QUESTION}")
    masked = _NAMED.sub(lambda m: m[0] if _NOBODY.search(m[1]) else "[이름]", mask_text(plain))
    before = _PLACEHOLDER.findall(plain)
    kinds = [p for p in dict.fromkeys(_PLACEHOLDER.findall(masked)) if masked.count(p) > before.count(p)]
    return Taken(masked, plain, tuple(kinds))


def visible(text: str) -> str:
    """Text without characters that nobody sees: format and control characters, except line breaks and tabs."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cf", "Cc", "Co", "Cs", "Cn"))
