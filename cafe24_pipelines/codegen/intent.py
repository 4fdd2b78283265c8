"""What a question asks to be done (read, count, one, write), and its subject without the talk around it.

Does not belong here: which operation does it (`grounding.py`).
"""

import re
from dataclasses import dataclass
from typing import Final

from cafe24_pipelines.answers.words import normal, squeezed

_DOING: Final = (
    r"(?:하는|하려|하고싶|하기|해줘|해주|해라|할수|할때|할려|해서|합니다|시키|처리"
    r"|코드|스크립트|api|예제|예시|방법|$)"
)
_WRITES: Final = (
    ("DELETE", rf"(?:삭제|제거){_DOING}|지우(?:는|고|기|려)|지워"),
    ("PUT", rf"(?:수정|변경|업데이트|갱신|설정){_DOING}|바꾸(?:는|고|기|려|면)|바꿔|고치(?:는|고|기)"),
    (
        "POST",
        rf"(?:등록|생성|추가|발급|지급|발송|전송|접수|작성|설치|차감|신청){_DOING}|만드(?:는|려)|만들(?:고|기|어)"
        r"|보내(?:는|고|기|려|줘)|남기(?:는|고|기)|(?:댓글|답글|답변)을?(?:다는|달)|옮기(?:는|고|기|려)|옮겨"
        r"|취소(?:처리|하는|해줘)",
    ),
)
_READS: Final = (
    r"조회|목록|리스트|내역|뽑|가져|받아|불러|확인|보기|보고|보는|알고|검색|긁어|통계|몇|세는|세어|세기|모아|다운"
)
_COUNT: Final = (
    r"몇(?:건|개|명|장|종|가지)|개수|갯수|건수|총수|수(?:를)?(?:세|조회|확인|알)|세는|세어|세기|카운트|count"
)
_ONE: Final = r"상세|자세|한건만|하나만|단건|특정(?:주문|상품|회원)의?정보"
_TRAFFIC: Final = (
    r"방문|유입|조회수|페이지뷰|많이본|트래픽|광고|키워드|애널리틱스|analytics|결제수단별|도메인별|접속|주문전환"
)
_CHATTER: Final = (
    r"파이썬|python|코드|스크립트(?!\s*태그)|예제|예시|프로그램|api|호출|짜\s*줘|짜주세요|작성해\s*줘|만들어\s*줘"
    r"|알려\s*줘|보여\s*줘|보고\s*싶\S*|하고\s*싶\S*|필요해요?|필요합니다|부탁\S*|좀|주세요|어떻게|하나요|하려면"
    r"|하려고|하는데|해\s*줘|전부|전체|모두|한\s*번에|페이지\s*끝까지|끝까지|다(?=\s)|싶\S*|방법|뽑\S*|가져\S*"
    r"|받아\S*|받는|받으\S*|불러\S*|긁어\S*|내줘|하는|하기|만(?=\s)|최근|지난|이번|어제|오늘|올해|작년"
    r"|\d+\s*(?:일|월|년|주|개월|달|분기)(?:치|간|부터|까지|동안|사이)?|(?<=\s)(?:달|주|일주일|한\s*달)(?=\s|치)"
    r"|일주일|한\s*달|기준\S*|필터|골라\S*|추려\S*|정리\S*|(?:품목|상품|수령자|주문자|옵션|재고)까지"
)
_STATES: Final = (
    r"배송\s*(?:완료|중|준비\s*중|보류|대기)(?:인|된|한)?|취소\s*(?:완료|된|신청된?)|반품\s*(?:완료|된)"
    r"|교환\s*(?:완료|된)|구매\s*확정(?:된)?|미?입금\s*(?:전|대기)?|비회원이?|새로|신규|등록\s*(?:된|돼|되어)\S*"
    r"|판매\s*중인?|진열\s*중인?|수정된|변경된|발급\s*(?:한|된)|아직|안\s*쓴|사용\s*(?:한|된)"
)
_VERBS: Final = (
    r"조회|목록|리스트|상세|등록|수정|삭제|변경|생성|추가|확인|처리|보기|만드는|만들\S*|바꾸\S*|보내는|남기는|옮기는"
    r"|세는|세어|세기|몇\s*(?:건|개|명|장)\S*|개수|정보"
)
_PARTICLE: Final = r"(?:에서|에게|한테|으로|로|을|를|이|가|은|는|의|도|과|와|랑|이랑|에)$"


@dataclass(frozen=True)
class Intent:
    """`methods` that fit; whether a number, one thing, or visits are asked for."""

    methods: tuple[str, ...]
    count: bool = False
    one: bool = False
    traffic: bool = False


def intent_of(question: str) -> Intent:
    """What is asked to be done."""
    text = squeezed(normal(question))
    written = [method for method, pattern in _WRITES if re.search(pattern, text)]
    traffic = bool(re.search(_TRAFFIC, text))
    if written and not re.search(rf"(?:{_READS})\S{{0,6}}$", text):
        return Intent((written[0],), traffic=traffic)
    counted = bool(re.search(_COUNT, text)) and not re.search(r"목록|리스트|통계", text)
    return Intent(("GET",), counted, bool(re.search(_ONE, text)), traffic)


def subject_of(text: str) -> str:
    """The nouns of a question or a title: without dates, states, verbs and talk about code."""
    plain = normal(text)
    bare = re.sub(_CHATTER, " ", re.sub(_STATES, " ", plain), flags=re.IGNORECASE)
    nouns = re.sub(_VERBS, " ", bare)
    words = [re.sub(_PARTICLE, "", word) if len(word) > 2 else word for word in nouns.split()]
    return " ".join(w for w in words if re.search(r"[A-Za-z가-힣]", w)) or bare.strip()
