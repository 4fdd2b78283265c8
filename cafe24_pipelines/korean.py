"""Korean particles that depend on the sound before them: 니트를 but 가방을, 서울로 but 부산으로.

What is read aloud decides: the last Hangul syllable; a number as it is read in Korean; a Latin letter by its Korean
name, a Latin word by how such words are written in Hangul as far as its spelling settles that. Quotes, emphasis,
markup and a remark in brackets are not read. Where the sound isn't sure, both forms stay: 은(는).
Does not belong here: the sentences, or reading what people write (see `answers/words.py`).
"""

import re
from string import Formatter
from typing import Final, Literal, cast
from unicodedata import normalize

Particle = Literal["은(는)", "이(가)", "을(를)", "과(와)", "(으)로"]
"""A particle in its tolerant form."""

_FORMS: Final[dict[Particle, tuple[str, str]]] = {
    "은(는)": ("은", "는"), "이(가)": ("이", "가"), "을(를)": ("을", "를"), "과(와)": ("과", "와"),
    "(으)로": ("으로", "로"),
}  # fmt: skip
"""After a consonant, after a vowel."""

_Sound = Literal["vowel", "ㄹ", "consonant"]


def particle(word: str, tolerant: Particle) -> str:
    """The form of a particle that follows a word; the tolerant one where the word's last sound isn't sure.

    Args:
        word: what stands before the particle; quotes and markup around it may be there or not.
        tolerant: the particle, both forms written.
    """
    sound = _last_sound(word)
    if sound is None:
        return tolerant
    after_consonant, after_vowel = _FORMS[tolerant]
    return after_vowel if sound == "vowel" or (sound == "ㄹ" and tolerant == "(으)로") else after_consonant


def filled(template: str, /, **values: object) -> str:
    """`template.format(**values)`, with the right form of each particle that the template has behind a value.

    Only the template's own particles are touched: a value stands as it is, whatever it holds.
    """
    text, value = "", None
    for own, name, spec, _ in Formatter().parse(template):
        if value is not None and (behind := _BEHIND_A_VALUE.match(own)):
            # The value alone first: before it, "[전화번호]" would be taken for a remark on the word there.
            word = value if _last_sound(value) else text
            text += behind[1] + particle(word, cast("Particle", behind[2])) + own[behind.end() :]
        else:
            text += own
        value = None if name is None else format(values[name], spec or "")
        text += value or ""
    return text


# -- inside --------------------------------------------------------------------------------------------------

_MARKUP: Final = r"</?[A-Za-z][^<>]*>|&(?:#\d+|#x[0-9A-Fa-f]+|[A-Za-z]+);"
_BEHIND_A_VALUE: Final = re.compile(rf"((?:{_MARKUP}|[^\w\s(])*)({'|'.join(map(re.escape, _FORMS))})")
_SAID_SIGNS: Final = "%％+＋°℃℉㍱-㏟"
"""Signs that are read aloud; the last are units in one character, such as ㎏."""
_UNREAD: Final = re.compile(
    rf"(?:{_MARKUP}|(?<=[\w%])\s*(?:\([^()]*\)|\[[^\[\]]*\]|（[^（）]*）|【[^【】]*】|〔[^〔〕]*〕)|[^\w{_SAID_SIGNS}]|_)\Z"
)
_LONGEST: Final = 200
"""Letters of a word that are looked at, from its end."""
_DATE: Final = re.compile(r"(?<!\d)\d{4}-\d{2}(?:-\d{2})?\Z")
_TIME: Final = re.compile(r"(?<!\d)\d{1,2}:(\d{2})(:\d{2})?\Z")
_NUMBER: Final = re.compile(r"([$₩€£¥])?\s?((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)\Z", re.ASCII)
_IN_A_NAME: Final = re.compile(r"[A-Za-z][0136789]\Z")  # K3 is 삼 or 쓰리, K9 구 or 나인; 2, 4 and 5 agree
_UNIT: Final = re.compile(r"\d\s?([A-Za-z]+)\Z")
_LATIN: Final = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+)\Z")  # the last part of a name such as orderId


def _last_sound(word: str) -> _Sound | None:
    """What the word ends in when it is read aloud, None where that isn't sure."""
    bare = normalize("NFC", word[-_LONGEST:])
    while bare and (shorter := _UNREAD.sub("", bare)) != bare:
        bare = shorter
    said = normalize("NFKC", bare)  # full-width letters and digits, units in one character
    if "가" <= said[-1:] <= "힣":
        final = (ord(said[-1]) - ord("가")) % 28
        return "vowel" if final == 0 else "ㄹ" if final == 8 else "consonant"
    if said.endswith(("%", "%p", "+", "°", "°C", "°F")):  # 퍼센트, 포인트, 플러스, 도
        return "vowel"
    if said[-1:].isdecimal():
        return _of_digits(said)
    if (unit := _UNIT.search(said)) and unit[1] in _UNITS:
        return _UNITS[unit[1]]
    latin = _LATIN.search(said)
    return _of_latin(latin[0]) if latin else None


def _of_digits(said: str) -> _Sound | None:
    """A date ends in 일 or 월, a time in 시, 분 or 초, an amount in its currency, "1+1" in 원."""
    if _DATE.search(said):
        return "ㄹ"
    if time := _TIME.search(said):
        return "vowel" if time[2] or time[1] == "00" else "consonant"
    number = _NUMBER.search(said)
    if number is None or _IN_A_NAME.search(said):
        return None
    if number[1] or said.endswith("+1"):
        return "vowel" if number[1] in ("$", "€", "£") else "consonant"  # 달러, 유로, 파운드; 원, 엔
    return _of_number(*number[2].replace(",", "").split("."))


def _of_number(whole: str, part: str = "") -> _Sound | None:
    """The last digit that isn't 0, or the unit of ten that the zeros stand for."""
    last = (part or whole)[-1]
    if last != "0":
        return "ㄹ" if last in "178" else "consonant" if last in "36" else "vowel"
    zeros = 0 if part else len(whole) - len(whole.rstrip("0"))
    if zeros >= 20:
        return None
    return "vowel" if 12 <= zeros < 16 else "consonant"  # 조; 영, 십, 백, 천, 만, 억, 경


def _of_latin(word: str) -> _Sound | None:
    """A word by its spelling, an abbreviation by its last letter; None where both are usual and differ."""
    lower = word.lower()
    if lower in _KNOWN:
        return _KNOWN[lower]
    by_letter: _Sound = "ㄹ" if lower[-1] in "lr" else "consonant" if lower[-1] in "mn" else "vowel"  # 엘 알 엠 엔
    if len(word) == 1 or not re.search("[aeiouy]", lower):
        return by_letter
    by_word = next((sound for ending, sound in _ENDINGS if ending.search(lower)), None)
    return by_word if by_word == by_letter or not (word.isupper() and len(word) <= 3) else None


_UNITS: Final[dict[str, _Sound]] = {
    **dict.fromkeys(("g", "kg", "mg"), "consonant"),  # 그램
    **dict.fromkeys(("m", "km", "cm", "mm", "l", "L", "ml", "mL", "cal", "kcal"), "vowel"),  # 미터, 리터, 칼로리
    **dict.fromkeys(("px", "dB"), "ㄹ"),  # 픽셀, 데시벨
}
"""Units whose letters would mislead."""

_KNOWN: Final[dict[str, _Sound]] = {
    **dict.fromkeys(
        ("app", "at", "bag", "big", "chocolate", "club", "commit", "cut", "europe", "exec", "format", "get", "god",
         "good", "group", "hot", "input", "job", "lab", "limit", "mac", "output", "prototype", "pub", "put", "robot",
         "shot", "technique", "template", "type", "velvet", "web"), "consonant",
    ),
    **dict.fromkeys(
        ("anime", "bulb", "check", "create", "delete", "disc", "dot", "herb", "hit", "kit", "knock", "mat",
         "polkadot", "recipe", "sesame", "set", "shock", "update", "vip"), "vowel",
    ),
}  # fmt: skip
"""Words that their spelling doesn't settle, as they are written in Hangul."""

_ENDINGS: Final[tuple[tuple[re.Pattern[str], _Sound], ...]] = (
    (re.compile(r"le?$"), "ㄹ"),  # 애플, 스몰
    (re.compile(r"[mn]$|[aeiouy][mn]e$|[aeiouy]ng$"), "consonant"),  # 크림, 디자인, 라인, 링
    (re.compile(r"[a-z]{3}ic$|[aiou]ck$|ook$|(?<![aeiou])[aiou]p$|bag$|spot$"), "consonant"),  # 클래식, 블랙, 북, 컵
    (re.compile(r"(?:[kl]|[a-z]{2}[nst])et$|[a-z]{2}nut$"), "consonant"),  # 재킷, 캐비닛, 도넛
    (re.compile(r"[aiouywsxzfvjhd]$|[aeiouy]r$|[^n]g$"), "vowel"),  # 메뉴, 크리스마스, 리프, 벤치, 카드, 슈거, 머그
    (re.compile(r"[aeiouybcdfghkprsvxz]e$|^[a-z]{1,3}te$|ette$"), "vowel"),  # 커피, 라지, 케이크, 테이프, 노트
    (re.compile(r"[cflnprsx]t$|(?:ea|ee|oa)t$|[lnrs]k$|[lmrs]p$"), "vowel"),  # 기프트, 시트, 핑크, 램프
)
"""How loanwords end in Hangul by their spelling, the first that fits; most stops after a short vowel stay open."""
