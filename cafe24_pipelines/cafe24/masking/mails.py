"""E-mail addresses, with the sign or with what people write for it: 골뱅이, (at), [at] … [dot].

A word for the sign counts only before a provider's name or a domain: 골뱅이 is food too. Member ids of those who came
by Kakao or Naver look like addresses cut short (2000210738@k).
"""

import re
from typing import Final

from cafe24_pipelines.cafe24.masking.folding import Found

_PROVIDER: Final = (
    r"naver|daum|hanmail|gmail|google|nate|kakao|hotmail|outlook|yahoo|icloud|live|msn|korea|empas|dreamwiz|paran"
    r"|네이버|다음|한메일|지메일|쥐메일|구글|네이트|카카오|핫메일|아웃룩|야후|아이클라우드"
)
_END: Final = r"(?:com|net|org|co|kr|io|me|jp|cn|us|edu|gov|info|biz|dev|app|xyz)(?![a-z])"
_KOREAN_END: Final = r"(?:닷?컴|닷?넷|한국|씨오|케이알)"
_DOT: Final = r"(?:\s?\.\s?|,(?=com|net|co|kr)|\s?(?:점|닷|쩜|dot|\(dot\)|\[dot\]|\{dot\})\s?|(?=닷))"
_DOMAIN: Final = (
    rf"(?:(?:{_PROVIDER})(?:{_DOT}(?:{_END}|{_KOREAN_END}))*|[\w-]{{1,63}}?(?:{_DOT}(?:{_END}|{_KOREAN_END})){{1,3}})"
)
_SIGN: Final = re.compile(rf"[\w.+%-]{{1,64}}\s{{0,2}}@\s{{0,2}}{_DOMAIN}", re.IGNORECASE)
_PLAIN_SIGN: Final = re.compile(r"[\w.+%-]{1,64}@[\w-]+(?:\.[A-Za-z0-9-]+)*\.(?:[A-Za-z]{2,24}|[가-힣]{2,5})")
_MEMBER: Final = re.compile(r"\d{7,12}@[kna](?![\w.])")
_AT_WORD: Final = "골뱅이|앳|엣"
_WORD: Final = re.compile(
    rf"[a-z0-9][\w.+-]{{1,63}}?\s{{0,2}}(?:{_AT_WORD}|[(\[{{<]\s?(?:at|a|@|골뱅이)\s?[)\]}}>]|(?<=\s)at(?=\s))\s{{0,2}}"
    rf"{_DOMAIN}",
    re.IGNORECASE,
)
_SPACED: Final = re.compile(r"(?:[\w.+-]\s){2,40}@(?:\s[\w-]){2,30}\s\.(?:\s[A-Za-z.]){2,8}(?![A-Za-z])")
_SIGN_LEFT_OUT: Final = re.compile(
    rf"(?<![\w.])(?=[a-z._-]*\d)[a-z0-9._-]{{4,30}}\s(?:{_PROVIDER})\s?\.\s?(?:com|net|co\.kr)(?![a-z])",
    re.IGNORECASE,
)
_LABELLED: Final = re.compile(
    r"(?:메일|e-?mail)(?:\s?주소)?\s?(?:[는은:]|\s){1,3}(?P<it>(?=[a-z._-]*\d)[a-z0-9._-]{4,30})(?![a-z0-9@])",
    re.IGNORECASE,
)
_AT: Final = re.compile(r"[(\[{<\s]\s?at\s?[)\]}>\s]", re.IGNORECASE)


def mails(text: str, digits: int) -> list[Found]:
    """E-mail addresses in a folded text."""
    low = text.lower()
    patterns = [_SPACED, _SIGN, _PLAIN_SIGN] if "@" in text else []
    if "골뱅이" in text or "앳" in text or "엣" in text or "@" in text or "(a)" in low or _has_at(low):
        patterns.append(_WORD)
    if digits and (".com" in low or ".net" in low or "co.kr" in low):
        patterns.append(_SIGN_LEFT_OUT)
    found = [(m.start(), m.end(), "[회원]") for m in _MEMBER.finditer(text)] if "@" in text else []
    found += [(m.start(), m.end(), "[이메일]") for pattern in patterns for m in pattern.finditer(text)]
    if digits and ("메일" in text or "mail" in low):
        found += [(m.start("it"), m.end("it"), "[이메일]") for m in _LABELLED.finditer(text)]
    return found


def _has_at(low: str) -> bool:
    return "at" in low and _AT.search(low) is not None
