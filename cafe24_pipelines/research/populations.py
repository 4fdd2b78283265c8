"""Whom and when a number is about: region, industry, device, channel, period and window, by closed lists of words.

Does not belong here: the number.
"""

import re
from typing import Final

from cafe24_pipelines.research.metrics import not_after

_REGIONS: Final = {
    "KR": r"한국|국내|우리나라|korea",
    "US": r"미국|\bU\.?S\.?A?\b(?!\$)|united states|american",
    "UK": r"영국|\bU\.?K\.?\b|united kingdom|british",
    "EU": r"유럽|europe",
    "JP": r"일본|japan",
    "CN": r"중국|china|chinese",
    "global": r"전\s?세계|글로벌|world ?wide|global",
    "abroad": r"해외|직구|overseas|cross-border",
}
_INDUSTRIES: Final = {
    "fashion": r"패션|의류|잡화|fashion|apparel|clothing",
    "beauty": r"뷰티|화장품|beauty|cosmetics|skincare",
    "food": r"식품|식음료|신선식품|grocery|food",
    "electronics": r"가전|전자제품|디지털 기기|electronics",
    "home": r"(?<!인 )(?<!인)가구|인테리어|리빙|생활용품|furniture|home goods|home decor",
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
    "app": r"(?<![가-힣])앱|\bapps?\b",
}
_CHANNELS: Final = {
    "email": r"이메일|메일|뉴스레터|e-?mails?|newsletter",
    "message": r"알림톡|(?<![방영])문자(?!열)|카카오\s?메시지|\bSMS\b|text messages?|push notification|푸시",
    "ads": r"광고|검색\s?광고|\bads?\b|advertis",
    "social": r"소셜|인스타그램|social media|instagram",
    "marketplace": r"스마트스토어|오픈\s?마켓|마켓플레이스|marketplace",
    "offline": r"오프라인|백화점|대형\s?마트|편의점|\bSSM\b|in-store|brick",
}
_OF_WHICH: Final = "한은는인된쓴본친낸산운킨긴던단준온난간든린진"
"""Syllables in which the verb of a clause before its noun ends ("쿠폰을 쓴 고객")."""
_SURVEYED: Final = not_after("온라인 조사한 응답한 참여한 분석한 운영하는 입점한 또한 이러한 그러한 다양한 유사한")
_PEOPLE: Final = {
    "some": rf"(?<=[{_OF_WHICH}]){_SURVEYED}\s"
    r"(?:고객|회원|소비자|이용자|방문자|상품|제품|메일|주문|쇼핑몰|브랜드)(?=[의은는이가]\s)|"
    r"(?:이상|이하|미만)\s?(?:구매|결제|주문)?\s?(?:고객|회원)|[을할일]\s때\s|멤버십|(?:유료|우수)\s?회원|휴면|신상품|신제품|"
    r"(?:인기|할인|무료\s?배송)\s?상품|유입",
    "occasion": r"블랙\s?프라이데이|명절|연휴|추석|설날|크리스마스|연말|성수기|비수기|[월화수목금토일]요일|"
    r"(?:세일|행사|프로모션|이벤트)\s?(?:기간|중)",
    "men": r"남성|\bmen\b|\bmale\b",
    "women": r"여성|\bwomen\b|\bfemale\b",
    "age": r"1인\s?가구|(?<![\d%])[1-7]0\s?대(?=[의는은가이에와과,\s]|여성|남성)|M?Z\s?세대|시니어|"
    r"\bgen z\b|millennials?",
    "new": r"신규\s?(?:고객|회원|방문|구매)|new (?:customers|visitors)",
    "returning": r"기존\s?(?:고객|회원)|단골|충성\s?고객|\bVIP|returning visitors|loyal",
    "business": r"\bB2B\b",
    "subscribers": r"구독\s?(?:서비스|커머스|상품|고객|회원)|subscription",
}
"""Some of the customers only; a narrower word for each isn't needed, as none of them is compared with a mall."""
_LISTS: Final = {
    kind: {name: re.compile(words, re.IGNORECASE) for name, words in words_of.items()}
    for kind, words_of in (
        ("region", _REGIONS), ("industry", _INDUSTRIES), ("device", _DEVICES), ("channel", _CHANNELS),
        ("people", _PEOPLE),
    )
}  # fmt: skip
_YEAR: Final = r"(?<![\d.,])((?:19|20)\d{2})"
_QUARTER: Final = re.compile(rf"{_YEAR}년?\s?(?:([1-4])\s?분기|Q([1-4]))|Q([1-4])\s?(?:of )?{_YEAR}", re.IGNORECASE)
_ANY_YEAR: Final = re.compile(
    rf"{_YEAR}(?=\s?년|[\s,.)]|$)(?!\s?(?:명|개|건|원|customers|stores|people))"
    r"(?!\s?년?\s?(?:보다|대비|에\s?비해|이후|부터|이래|설립|창립))"
)
_LAST_YEAR: Final = re.compile(
    r"(?:지난해|작년|전년)(?!\s?(?:동|같은|대비|보다|에\s?비해|비\b|[과와]\s|수준))|\blast year\b(?!'s)",
    re.IGNORECASE,
)
_THIS_YEAR: Final = re.compile(r"올해|금년|\bthis year\b", re.IGNORECASE)
_ALL: Final = re.compile(
    r"전체|전\s?업종|모든\s?업종|업종\s?평균|\boverall\b|\ball (?:industries|sectors)\b", re.IGNORECASE
)
_COMPARED: Final = re.compile(r"(?:\s?(?:쇼핑몰|업종|고객|시장|평균|업계))?(?:보다|에\s?비해|[와과]\s?달리)")
_ACT: Final = r"(?:고객\s?)?(?:재구매|이탈|유지|잔존|리텐션|repurchase|repeat|retention|churn)"
_WINDOW: Final = re.compile(
    r"(?<![\d~])(?<!최근 )(?<!월)(?<!월 )(\d{1,3})\s?(일|주|개월|년|days?|weeks?|months?|years?)[ -]?"
    rf"(?:이내|안에|내에?|동안|간(?=[\s의])|[후뒤](?=\s{_ACT})|(?=(?:차\s?)?{_ACT}))|"
    r"within (?:the first |a )?(\d{1,3})?\s?(days?|weeks?|months?|years?)|"
    r"(?<![가-힣\d])(연간|연|월간|월|첫\s?달|annual(?:ly)?|yearly|monthly)(?=\s)|"
    rf"\bD\+?(\d{{1,3}})(?=\s?{_ACT})|"
    r"(?<=[(（])(\d{1,3})\s?(일|주|개월|년)(?=\s?(?:기준)?[)）])",
    re.IGNORECASE,
)
MOST_WINDOW: Final = 5 * 365
_DAYS: Final = {"일": 1, "day": 1, "주": 7, "week": 7, "개월": 30, "month": 30, "년": 365, "year": 365}


def mentioned(kind: str, text: str) -> list[tuple[int, str]]:
    """(place, name) of everything of a kind (region, industry, device, channel, people) in a text, in order."""
    return sorted((m.start(), name) for name, words in _LISTS[kind].items() for m in words.finditer(text))


def population(
    sentence: str, title: str, default_region: str, industry: str = "", *, before: str = "", anew: bool = False
) -> str:
    """Region, industry, device, channel and people of a number, joined by "/"; several of a kind by "+".

    The words about this number say, else those `before` them in its sentence, else its page's title (unless the words
    say that they are about all), else the source's region. `anew`: the words name their metric although those before
    did, so they are about other people of the region.
    """
    parts = []
    texts = (sentence, "" if anew else before, "" if _ALL.search(sentence) else title)
    for kind in _LISTS:
        where = (sentence, before, title) if kind == "region" else texts
        named = next((found for text in where if (found := _named(kind, text))), "")
        parts.append(named or (default_region if kind == "region" else ""))
    if industry:
        parts[1] = industry
    return "/".join(p for p in parts if p)


def _named(kind: str, text: str) -> str:
    """What a text names of a kind; what it only compares with ("뷰티보다") is not what it is about."""
    names = {
        name for name, words in _LISTS[kind].items()
        for m in words.finditer(text) if not _COMPARED.match(text, m.end())
    }  # fmt: skip
    return "+".join(sorted(names))


def is_general(population_text: str) -> bool:
    """Whether a population is a market as a whole: no industry, device or channel of its own."""
    return set(population_text.split("/")) <= {"", *_REGIONS}


def region_of(population_text: str) -> str:
    """The region of a population, "" when unknown."""
    return next((p for p in population_text.split("/") if p in _REGIONS), "")


def period(sentence: str, title: str, *, before: str = "", day: str = "") -> str:
    """The quarter or year that the words about a number are about, else its sentence, else its page's title; "" when
    none says. "지난해" is counted from the page's `day`; a title's year after that day is of no measured number."""
    for text in (sentence, before):
        if found := _period(text):
            return found
        said = [(m.end(), back) for words, back in ((_LAST_YEAR, 1), (_THIS_YEAR, 0)) for m in words.finditer(text)]
        if said:
            return str(int(day[:4]) - max(said)[1]) if day else ""
    found = _period(title)
    return "" if day and found[:4] > day[:4] else found


def _period(text: str) -> str:
    if match := _QUARTER.search(text):
        return f"{match[1] or match[5]}-Q{match[2] or match[3] or match[4]}"
    years = _ANY_YEAR.findall(text)
    return years[-1] if years else ""


def window_days(sentence: str) -> int:
    """The days within which an act counts, as a sentence says ("90일 이내", "within 12 months", "annual"); else 0."""
    match = _WINDOW.search(sentence)
    if not match:
        return 0
    if match[5]:
        return 30 if match[5].lower() in ("월간", "월", "monthly", "첫 달", "첫달") else 365
    if match[6]:
        return int(match[6])
    unit = (match[2] or match[4] or match[8]).lower().rstrip("s")
    days = int(match[1] or match[3] or match[7] or 1) * _DAYS[unit]
    if days > MOST_WINDOW:
        return 0  # "25년 재구매율" is a year
    return 365 if 360 <= days <= 366 else days
