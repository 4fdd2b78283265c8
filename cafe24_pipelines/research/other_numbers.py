"""What a number beside a metric's name may be instead of a market's level: a spread, another rate, one shop's own
figure, a forecast, an ideal, something that the sentence denies.

Closed lists of words, Korean first: a level that one of them hides is missed, which costs less than a wrong one. Does
not belong here: changes, bounds and examples (see `rules.py`), or whom a level is about (see `populations.py`).
"""

import re
from typing import Final

MEDIAN: Final = "its number is a median"

_FORECAST: Final = (
    r"전망|예상(?!\s?보다)|예측|추정치|것으로\s?(?:보[인입]|기대)|내년|forecast|projected|predict|"
    r"expected to|\bwill (?:be|reach|rise|fall|hit)\b"
)
_IDEAL: Final = (
    r"이상적|권장|적정|바람직|양호|좋은\s?(?:편|수준|수치)|우수\s?(?:쇼핑몰|업체|브랜드|기업|상점|셀러)|"
    r"예시|가상(?:의|\s?(?:수치|데이터|사례))|가정(?:한|했|해|하)|÷|×|명이면|로\s(?:두면|놓으면|잡으면)|"
    r"기준으로\s?(?:계산|산출)|공식\s?[:은]|(?:^|[\s(])예\s?[:)]|\bideal|\bfictional|\billustrative"
)
_OF_A_RATE: Final = (
    r"(?:margin of error|deviation|increase|decrease|improvement|change|drop|rise|growth|difference|gap) "
    r"(?:for|of|in) (?:the |their |your )?(?:[\w-]+ ){0,3}(?:rate|value)"
)
_DENIED: Final = (
    r"과장[이된]|오해|통념|틀렸|틀린|낭설|거짓|잘못\s?(?:된|알려)|사실무근|근거\s?(?:가\s?|는\s?)?없|그렇지\s?않|반박|"
    r"misconception|debunk|\bmyth"
)
_SHOPS: Final = (
    r"쿠팡|무신사|올리브영|지그재그|에이블리|29CM|W컨셉|컬리|11번가|[GＧ]마켓|지마켓|SSG|쓱닷컴|롯데온|오늘의집|아마존|"
    r"알리익스프레스|테무|쉬인|이마트|배달의민족|배민|스타벅스|나이키|\bAmazon\b|\bNike\b|\bSephora\b|\bWalmart\b|"
    r"\bZappos\b|\bASOS\b|\bZara\b|\bEtsy\b"
)
_ONE_SHOP: Final = (
    rf"{_SHOPS}|(?:^|[\s(“\"'‘])(?:[A-Z○●]{{1,3}}|자|당)사(?!몰)|\b[A-Z]\s?몰|\d위\s\S{{1,10}}\s\d|우리(?!나라|\s?조사)|저희|"
    r"(?:^|\s)[한이]\s(?:[가-힣]{1,8}\s)?(?:브랜드|업체|기업|쇼핑몰|회사|매장|셀러|판매자|고객사|스타트업)(?=[은는이가의도에])|"
    r"도입\s?(?:후|이후|뒤|전)|사례|one (?:brand|retailer|store|shop|client)\b|case study|"
    r"after (?:implementing|adopting|switching)"
)
_SOMEBODY_SAID: Final = (
    r"(?:관계자|대표|담당자|팀장|이사|본부장|매니저|사장|점주|CEO|씨)(?:은|는|가|이)\s.*"
    r"(?:말했|밝혔|전했|설명했|주장했|강조했|덧붙였|귀띔|라고|다고)|[”\"’']\s?(?:라|이라|다)?고\s?(?:말|주장|전)했"
)
_NONE: Final = re.compile(
    "|".join((_FORECAST, _IDEAL, _OF_A_RATE, _DENIED, _ONE_SHOP, _SOMEBODY_SAID)), re.IGNORECASE
)

_BETWEEN: Final = re.compile(
    r"편차|오차|신뢰|구간|차이|격차|(?:증가|감소|상승|하락|개선)(?:폭|분|[율률]|세)|증감|변동|상위|하위|응답|답변|답[한했]|꼽|생각|"
    r"느[끼낀]|인식|중요|인당|고객당|매출|[가-힣](?:[율률]|비중|비율|점유)(?=[은는이가도과와을를로의]|\s)|"
    r"(?:전[년월주]|동[월기]|분기)\s?(?:동[월기]\s?)?(?:대비|비)\W{0,3}$|\b(?:YoY|MoM|QoQ)\b|"
    r"difference|deviation|margin of error|confidence",
    re.IGNORECASE,
)
_AHEAD: Final = re.compile(
    r"(?:신뢰\s?(?:수준|구간|도)|오차|편차|표본)\s?[은는이가]?\s?$|(?:많게|적게|높게|낮게|크게)는\s?(?:약\s)?$|"
    r"\d\s?(?:월|분기)\s?\d[\d,.억만천 ]*(?:%|원),?\s?\d{1,2}\s?(?:월|분기)\s?$"
)
_BEHIND: Final = re.compile(
    r"^(?:\s?(?:신뢰|[초중후]{1,2}반|씩|가량\s?더)|(?:이|라|가\s?되)?면[\s,]|\s?일\s?때|[이가]\s?[되될]|"
    r"인\s(?:쇼핑몰|브랜드|업체|상점|기업|경우|곳)|(?:이?라|다)고\s?(?:하지만|하나|들|알려졌지만|하는데|했지만)|"
    r"에서\s(?:출발|시작)|\s?돌파|,?\s?\d{1,2}\s?(?:월|분기)\s?\d)|"
    r"^[^.;]{0,14}?(?:신장|급[증감등락]|뛰[어었]|뛴|오[르른]|치솟|확대|축소|커[졌지]|작아|빠[졌지]|회복|반등|둔화|악화|끌어|"
    r"올[려렸린리]|내[려렸린리]|더\s|상회|하회|차이)"
)
_MIDDLE: Final = re.compile(r"중앙값|중위|중간값|\bmedian\b", re.IGNORECASE)
_MEAN: Final = re.compile(r"평균|\b(?:average|mean)\b", re.IGNORECASE)


def no_market_s(sentence: str) -> bool:
    """Whether a sentence forecasts, praises an ideal, denies, or is about one shop: its numbers are no market's."""
    return _NONE.search(sentence) is not None


def is_other(between: str, ahead: str, behind: str) -> bool:
    """Whether a number is something else than the metric that is named near it.

    Args:
        between: the words between the name and the number.
        ahead: the sentence before the number.
        behind: the sentence behind it.
    """
    return bool(_BETWEEN.search(between) or _AHEAD.search(ahead) or _BEHIND.search(behind))


def is_median(own: str) -> bool:
    """Whether a number is a median, which a mean isn't held against: the last word for either, in its own words."""
    places = [max((m.end() for m in words.finditer(own)), default=0) for words in (_MIDDLE, _MEAN)]
    return places[0] > places[1]
