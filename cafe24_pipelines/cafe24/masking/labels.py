"""What a label calls a member id or a name: 아이디 sky_77, 예금주: 홍길동. Without a label, a word is a word."""

import re
from typing import Final

from cafe24_pipelines.cafe24.masking.folding import Found

_HAS_DIGIT: Final = r"(?=[a-z_.-]*\d)"
_ID: Final = re.compile(
    rf"(?:(?:아이디|회원\s?id)(?:\s?[는은가이]\s|\s?[:=]\s?|\s?[는은]\s?|\s{_HAS_DIGIT})"
    rf"|(?:^|(?<=[가-힣.,!?(\n])|(?<=[가-힣.,!?(\n]\s))id(?:\s?:\s?|[는은가이]?\s{_HAS_DIGIT}))"
    r"(?P<it>[a-z][a-z0-9_.-]{3,30})(?![a-z0-9@])",
    re.IGNORECASE,
)
_ROLE: Final = r"(?:예금주|받는\s?(?:분|사람)|수령인|수취인|입금자명?|성함|주문자명?|구매자명?)"
_NAME: Final = re.compile(
    rf"(?:{_ROLE}|이름|성명)\s?:\s?(?P<it>[가-힣]{{2,5}}(?![가-힣]))"
    r"|(?:예금주|입금자명)\s?(?:[는은이]\s)?\s?(?P<so>[가-힣]{2,4})"
    r"(?=$|\s(?:입니다|이에요|예요|이고|님|씨)|[,.)]|입니다|이에요|예요|님)"
)
_NOBODY: Final = frozenset({"본인", "동일", "확인", "상동", "변경", "주문자", "구매자", "없음"})


def labelled(text: str, digits: int) -> list[Found]:
    """Ids and names behind a label in a folded text; the label stays."""
    found: list[Found] = []
    if "아이디" in text or "id" in text.lower():
        found += [(m.start("it"), m.end("it"), "[회원]") for m in _ID.finditer(text)]
    if ":" in text or "예금주" in text or "입금자명" in text:
        for match in _NAME.finditer(text):
            group = "it" if match.group("it") else "so"
            if match.group(group) not in _NOBODY:
                found.append((match.start(group), match.end(group), "[이름]"))
    return found
