"""Addresses: a road or a lot with a number, where a district, a label or a flat shows what it is; flats; zip codes.

Half of what people write has a particle that looks like a road (무료로 2개): a road and a number alone say nothing.
"""

import re
from typing import Final

from cafe24_pipelines.cafe24.masking.districts import DISTRICTS, PROVINCES
from cafe24_pipelines.cafe24.masking.folding import Found

_MARK: Final = "[주소]"

# -- what an address is made of --------------------------------------------------------------------------------------

_PROVINCE: Final = (
    r"(?:서울(?:특별시|시)?|(?:부산|대구|인천|광주|대전|울산)(?:광역시|시)?|세종(?:특별자치시|시)?|경기도?"
    r"|강원(?:특별자치도|도)?|충청[남북]도|충[남북]|전라[남북]도|전[남북](?:특별자치도)?|경상[남북]도|경[남북]"
    r"|제주(?:특별자치도|도)?)"
)
_DISTRICT: Final = f"(?:{'|'.join(sorted(DISTRICTS, key=lambda name: (-len(name), name)))})"
_CITY: Final = f"(?:{'|'.join(sorted(name[:-1] for name in DISTRICTS if name.endswith('시')))})"
_NO: Final = r"(?:지하\s?)?\d{1,4}(?:\s?-\s?\d{1,4})?"
_NOT_COUNTED: Final = (
    r"(?!\d|[.,]\d|~|\s?(?:개|장|번(?!지|길)|명|점|만|천|백|원|회|시(?![가-힣])|시간|분|초|일|주|월|년|배|종|세트|박스|병|봉|팩"
    r"|캔|켤레|벌|권|[cmk]?m\b|[cmk]m[^a-z]|k?g\b|ml|l\b|%|퍼|프로|등(?!\s?\d)|위|차|단|인(?!데)|개월|가지|줄|건|통|정도"
    r"|사이즈|주문|샀|구매|호(?!\s?\d)|대(?![가-힣])))"
)
"""Behind a number that counts nothing."""

_NO_PARTICLE: Final = (
    r"(?!바로|새로|별로|따로|서로|그대로|실제로|제대로|절대로|가로|세로|추가로|하루로|무료로|유료로|선물로|세트로|진짜로"
    r"|반대로|대체로|정말로|홀로|스스로|함부로|주로|날로|[가-힣]{0,6}으로)"
)
_ROAD: Final = (
    rf"{_NO_PARTICLE}[가-힣A-Za-z0-9.]{{1,12}}?(?:대로|로|길)"
    r"(?:\s?\d{1,4}\s?(?:번[가나다라]?|[가나다라])?길|\s?[가-힣]길)?"
)
_ROAD_ALONE: Final = rf"(?<![가-힣]){_NO_PARTICLE}[가-힣]{{2,10}}(?:대로|로|길)"
_TOWN: Final = r"[가-힣]{1,6}\d{0,2}(?:동(?:\s?\d가)?|읍|면|리|가)"
_HOUSES: Final = (
    r"(?:아파트|빌라|오피스텔|맨션|타운|빌딩|타워|주공|단지|상가|센터|하우스|원룸|고시원|APT|apt|자이|래미안|푸르지오"
    r"|힐스테이트|캐슬|아이파크|더샵|편한세상)"
)
_FLAT: Final = (
    r"(?:\d{1,4}|[A-Za-z]|(?<![가-힣])[가나다라])\s?동[\s,]{0,2}(?:지하\s?)?(?:\d{1,3}층\s?)?\d{1,4}\s?호(?!선)"
    r"|\d{2,4}동\s?\d{3,4}(?!\d)(?=$|[\s.,)]|[가-힣])"
)
_REST: Final = (
    rf"(?:[\s,]{{0,2}}\([^()]{{1,40}}\))?(?:[\s,]{{0,2}}[가-힣A-Za-z0-9]{{1,15}}{_HOUSES})?(?:[\s,]{{0,2}}(?:{_FLAT}))?"
    r"(?:[\s,]{0,2}(?:\d{1,4}|[A-Za-z])동(?![가-힣]))?(?:[\s,]{0,2}(?:지하|지상|B)?\s?\d{1,3}층)?"
    r"(?:[\s,]{0,2}[A-Za-z]?\d{1,4}호(?!선))?(?:\s{0,2}\([^()]{1,40}\))?(?:[\s,]{0,2}\d{1,4}호(?!선))?"
)
"""Building, flat and floor behind a number."""

_SENT: Final = (
    r"(?=\s?(?:으로|로|에|에서|앞으로|앞에)\s?(?:다시\s?)?(?:보내|배송|수거|살(?:아|고|[ㄴ았]|던)|거주|이사|택배))"
)
"""Before what is done at an address."""

_HOME: Final = (
    r"(?:주소|배송지|수거지|수령지|집은|집이|사는\s?곳|거주지|보내\s?주실\s?곳)[^\d가-힣]{0,4}(?:[는은가이]\s?)?"
    r"[:\s]{0,3}"
)

# -- with a district -----------------------------------------------------------------------------------------------

_PLACE: Final = (
    rf"(?:{_TOWN}[\s,]{{0,2}}){{0,2}}"
    rf"(?:{_ROAD}\s?{_NO}{_NOT_COUNTED}"
    rf"|(?<=[동리읍면가\s])(?<![시군구도]\s)(?:산\s?)?{_NO}{_NOT_COUNTED}(?:\s?번지)?){_REST}"
)
_IN_PROVINCE: Final = re.compile(
    rf"{_PROVINCE}[\s,]{{0,2}}(?:[가-힣]{{1,5}}[시군구][\s,]{{0,2}}){{0,2}}(?:[가-힣]{{2,4}}\s){{0,2}}?{_PLACE}"
)
_IN_DISTRICT: Final = re.compile(rf"{_DISTRICT}[\s,]{{0,2}}(?:[가-힣]{{1,5}}구[\s,]{{0,2}})?{_PLACE}")
_BEFORE: Final = re.compile(rf"(?:\(?\d{{5}}\)?\s{{0,2}})?(?:(?<![가-힣])(?:{_CITY})\s)?$")
_WORD: Final = re.compile(r"(?<![가-힣])[가-힣]{2,5}")

# -- without one -----------------------------------------------------------------------------------------------------

_ENGLISH_ROAD: Final = r"[A-Za-z]{2,20}(?:\s?\d{1,4}(?:beon)?)?-(?:daero|ro|gil)\b"
_ENGLISH_PLACE: Final = r"[A-Za-z]{2,20}-(?:gu|si|do|dong|eup|myeon|gun)"
_ALONE: Final = tuple(
    (word, re.compile(sign), re.compile(pattern))
    for word, sign, pattern in (
        # lots
        ("번지", r"\d\s?번지", rf"(?P<it>(?:{_TOWN}\s)?[가-힣]{{1,6}}[동리읍면가]\s?(?:산\s?)?{_NO}\s?번지{_REST})"),
        ("리 ", r"[읍면]\s[가-힣]{1,5}리\s",
         rf"(?P<it>[가-힣]{{1,4}}[읍면]\s[가-힣]{{1,5}}리\s(?:산\s?)?{_NO}{_NOT_COUNTED}{_REST})"),
        ("-", r"[동리]\s?\d{1,4}-\d", rf"(?P<it>(?<![가-힣])[가-힣]{{1,6}}[동리]\s?\d{{1,4}}-\d{{1,4}}{_SENT})"),
        # roads
        ("길", r"\d번?길\s?\d", rf"(?P<it>{_ROAD_ALONE}\s?\d{{1,4}}번?길\s?{_NO}{_NOT_COUNTED}{_REST})"),
        ("층", r"[로길]\s?\d[\d\s,-]{0,12}층",
         rf"(?P<it>{_ROAD_ALONE}\s?{_NO}(?=\s?,\s?(?:지하\s?)?\d{{1,2}}층){_REST})"),
        ("호", r"[로길]\s?\d[^가-힣]{0,12}(?:동\s?\d{1,4})?호",
         rf"(?P<it>{_ROAD_ALONE}\s?{_NO}(?=[\s,]{{1,2}}(?:\d{{1,4}}동\s?)?\d{{1,4}}호){_REST})"),
        ("", r"[로길]\s?\d{1,4}[\d\s-]{0,6}(?:으로|로|에|앞)", rf"(?P<it>{_ROAD_ALONE}\s?{_NO}{_SENT})"),
        ("", _HOME, rf"{_HOME}(?P<it>(?:{_TOWN}\s?(?:{_ROAD}\s?)?|{_ROAD}\s?){_NO}{_NOT_COUNTED}{_REST})"),
        # flats
        ("동", r"동[\s,]{0,2}(?:지하\s?)?(?:\d{1,3}층\s?)?\d{1,4}\s?호|\d동\s?\d{3}",
         rf"(?P<it>(?:[가-힣A-Za-z0-9]{{1,12}}\s?{_HOUSES}\s?)?(?<!\d)(?:{_FLAT}))"),
        ("호", rf"{_HOUSES}\s?[B지하]{{0,2}}\s?\d{{2,4}}호",
         rf"(?P<it>[가-힣A-Za-z0-9]{{1,12}}\s?{_HOUSES}\s?(?:[B지하]{{1,2}}\s?)?\d{{2,4}}호(?!선))"),
        ("호", r"\d-\d{3,4}\s?호", r"(?P<it>(?<![\d-])\d{2,4}\s?-\s?\d{3,4}\s?호(?!선))"),
        ("호", r"\d{3,4}\s?호\s?(?:문|현관|집|벨)",
         r"(?P<it>(?<!\d)(?:\d{2,4}\s?[-동]\s?)?\d{3,4}\s?호)(?=\s?(?:문|현관|집|벨))"),
        # zip codes
        ("우", r"우편|\(우\)|〒", r"(?:우편\s?번호|\(우\)|〒)\s?[:은는이가]?\s?\(?(?P<it>\d{5}|\d{3}-\d{3})(?!\d)"),
        # in English, either way round
        ("-", _ENGLISH_ROAD,
         rf"(?P<it>(?:[A-Za-z]{{2,20}}(?:-[a-z]{{2,5}})?,?\s){{0,4}}{_ENGLISH_ROAD},?\s\d{{1,5}}(?:-\d{{1,4}})?)"),
        ("-", _ENGLISH_ROAD,
         rf"(?P<it>(?:[#\w-]{{1,8}},?\s){{0,2}}\d{{1,5}}(?:-\d{{1,4}})?,?\s{_ENGLISH_ROAD}(?:,?\s{_ENGLISH_PLACE})*"
         r"(?:,?\s(?:Seoul|Busan|Incheon|Daegu|Daejeon|Gwangju|Ulsan))?)"),
    )
)  # fmt: skip
"""Each with a word and a quicker pattern without which it need not be looked for."""

_NUMBERED: Final = re.compile(r"[로길동리가산읍면]\s?(?:산\s?|지하\s?)?\d")
_HOME_WORD: Final = re.compile(r"주소|배송지|수거지|수령지|집[은이]|곳|거주지")


def addresses(text: str, digits: int) -> list[Found]:
    """Addresses in a folded text, the longer one first where two begin together."""
    if not digits:
        return []
    numbered = _NUMBERED.search(text) is not None
    if not numbered and not ("호" in text or "우" in text or "동" in text or "-" in text or _HOME_WORD.search(text)):
        return []
    found = _in_a_region(text) if numbered else []
    for word, sign, pattern in _ALONE:
        if word in text and sign.search(text) is not None:
            found += [(m.start("it"), m.end("it"), _MARK) for m in pattern.finditer(text)]
    return sorted(found, key=lambda one: (one[0], -one[1]))


def _in_a_region(text: str) -> list[Found]:
    found = []
    for word in _WORD.finditer(text):
        letters, start = word.group(), word.start()
        if letters[:2] in PROVINCES:
            match = _IN_PROVINCE.match(text, start)
        elif any(letters[:n] in DISTRICTS for n in range(2, len(letters) + 1)):
            match = _IN_DISTRICT.match(text, start)
        else:
            continue
        if match is not None:
            before = _BEFORE.search(text, max(0, start - 16), start)
            found.append((before.start() if before is not None else start, match.end(), _MARK))
    return found
