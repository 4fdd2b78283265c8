"""Whom and when a number is about: region, industry, device, channel, period and window, by closed lists of words.

Does not belong here: the number.
"""

import re
from typing import Final

_REGIONS: Final = {
    "KR": r"한국|국내|우리나라|korea",
    "US": r"미국|\bU\.?S\.?A?\b(?!\$)|united states|american",
    "UK": r"영국|\bU\.?K\.?\b|united kingdom|british",
    "EU": r"유럽|europe",
    "JP": r"일본|japan",
    "CN": r"중국|china|chinese",
    "global": r"전\s?세계|글로벌|world ?wide|global",
}
_INDUSTRIES: Final = {
    "fashion": r"패션|의류|잡화|fashion|apparel|clothing",
    "beauty": r"뷰티|화장품|beauty|cosmetics|skincare",
    "food": r"식품|식음료|신선식품|grocery|food",
    "electronics": r"가전|전자제품|디지털 기기|electronics",
    "home": r"가구|인테리어|리빙|생활용품|furniture|home goods|home decor",
    "pet": r"반려동물|펫\s?용품|\bpets?\b",
    "kids": r"유아|육아|키즈|\bbaby\b|\bkids\b|toys",
    "sports": r"스포츠|아웃도어|sporting|sports|outdoor",
    "luxury": r"명품|럭셔리|luxury|jewel(?:le)?ry",
    "health": r"건강기능식품|영양제|supplements?\b|wellness",
    "travel": r"여행|travel|airline",
    "saas": r"\bSaaS\b|구독\s?소프트웨어|software",
}
_DEVICES: Final = {
    "mobile": r"모바일|스마트폰|mobile|smartphone",
    "desktop": r"데스크톱|데스크탑|\bPC\b|desktop",
    "tablet": r"태블릿|tablet",
}
_CHANNELS: Final = {
    "email": r"이메일|메일|뉴스레터|e-?mails?|newsletter",
    "message": r"알림톡|문자|카카오\s?메시지|\bSMS\b|text messages?|push notification|푸시",
    "ads": r"광고|검색\s?광고|\bads?\b|advertis",
    "social": r"소셜|인스타그램|social media|instagram",
}
_LISTS: Final = {
    kind: {name: re.compile(words, re.IGNORECASE) for name, words in words_of.items()}
    for kind, words_of in (
        ("region", _REGIONS), ("industry", _INDUSTRIES), ("device", _DEVICES), ("channel", _CHANNELS),
    )
}  # fmt: skip
_YEAR: Final = r"(?<![\d.,])((?:19|20)\d{2})"
_QUARTER: Final = re.compile(rf"{_YEAR}년?\s?(?:([1-4])\s?분기|Q([1-4]))|Q([1-4])\s?(?:of )?{_YEAR}", re.IGNORECASE)
_ANY_YEAR: Final = re.compile(rf"{_YEAR}(?=\s?년|[\s,.)]|$)(?!\s?(?:명|개|건|원|customers|stores|people))")
_WINDOW: Final = re.compile(
    r"(\d{1,3})\s?(일|주|개월|년|days?|weeks?|months?|years?)[ -]?(?:이내|안에|내에?|동안)|"
    r"within (?:the first |a )?(\d{1,3})?\s?(days?|weeks?|months?|years?)|"
    r"(?<![가-힣\d])(연간|연|월간|월|annual(?:ly)?|yearly|monthly)(?=\s)",
    re.IGNORECASE,
)
_DAYS: Final = {"일": 1, "day": 1, "주": 7, "week": 7, "개월": 30, "month": 30, "년": 365, "year": 365}


def mentioned(kind: str, text: str) -> list[tuple[int, str]]:
    """(place, name) of everything of a kind (region, industry, device, channel) that a text names, in order."""
    return sorted((m.start(), name) for name, words in _LISTS[kind].items() for m in words.finditer(text))


def population(sentence: str, title: str, default_region: str, industry: str = "") -> str:
    """Region, industry, device and channel of a number: its sentence says, else its page's title, else the source."""
    parts = []
    for kind in ("region", "industry", "device", "channel"):
        named = [name for text in (sentence, title) for _, name in mentioned(kind, text)]
        parts.append(named[0] if named else default_region if kind == "region" else "")
    if industry:
        parts[1] = industry
    return "/".join(p for p in parts if p)


def is_general(population_text: str) -> bool:
    """Whether a population is a market as a whole: no industry, device or channel of its own."""
    return set(population_text.split("/")) <= {"", *_REGIONS}


def region_of(population_text: str) -> str:
    """The region of a population, "" when unknown."""
    return next((p for p in population_text.split("/") if p in _REGIONS), "")


def period(sentence: str, title: str) -> str:
    """The quarter or year that a sentence, else its page's title, is about; "" when neither says."""
    for text in (sentence, title):
        if match := _QUARTER.search(text):
            return f"{match[1] or match[5]}-Q{match[2] or match[3] or match[4]}"
        if match := _ANY_YEAR.search(text):
            return match[1]
    return ""


def window_days(sentence: str) -> int:
    """The days within which an act counts, as a sentence says ("90일 이내", "within 12 months", "annual"); else 0."""
    match = _WINDOW.search(sentence)
    if not match:
        return 0
    if match[5]:
        return 30 if match[5].lower() in ("월간", "월", "monthly") else 365
    unit = (match[2] or match[4]).lower().rstrip("s")
    days = int(match[1] or match[3] or 1) * _DAYS[unit]
    return 365 if 360 <= days <= 366 else days
