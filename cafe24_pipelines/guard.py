"""The last check of a text by a model: every number and API path in it occurs in what the model was given.

A model may round, add or invent; none of that reaches a reader. Numbers are compared by value, so `1,234`, `1234`
and `1천 234` are one number. Does not belong here: what replaces a text that fails
(see `answers/ask.py` and `discovery/wording.py`).
"""

import re
from decimal import Decimal, InvalidOperation

_UNITS = {"십": 10, "백": 100, "천": 1_000, "만": 10_000, "억": 100_000_000, "조": 1_000_000_000_000}
_DIGITS = {"일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9, "영": 0}
_NATIVE = {
    "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9, "열": 10,
    "스무": 20, "서른": 30,
}  # fmt: skip

_MARKERS = re.compile(r"\[(?:문서|그래프|계산|자료)?\s*\d+\]|^\s*\d{1,2}[.)](?=\s)", re.MULTILINE)
_ARABIC = re.compile(
    r"(?<![A-Za-z_\d])(\d{1,3}(?:,\d{3})+(?!\d)|\d+)(\.\d+)?((?:\s?[십백천만억조]+(?![가-힣]*(?:요일|족))(?:\s?\d[\d,]*)?)*)"
)
_COUNTER = r"(?:원|건|명|개|퍼센트|프로|%|점|일간|배|위|회|번|달러)"
_SINO = re.compile(rf"(?<![가-힣\d])(?<!\d\s)([일이삼사오육칠팔구영십백천만억조]{{2,}}|[백천만억])\s?(?={_COUNTER})")
_NATIVE_COUNT = re.compile(rf"(?<![가-힣])({'|'.join(sorted(_NATIVE, key=len, reverse=True))})\s?(?={_COUNTER})")
_ISO = re.compile(r"(?<!\d)((?:19|20)\d{2})-(\d{2})(?:-(\d{2}))?(?!\d)")
_DATE_PART = re.compile(r"(?<![\d,.])(\d{1,4})\s?(년|월|일)(?!간)")
_LINK = re.compile(
    r"(?:https?:|ftp:)?//[^\s<>|]+|(?<![\w.@])www\.[^\s<>|]+|[\w.+-]+@[\w-]+\.[\w.]+"
    r"|(?<![\w./@-])(?:[a-z0-9-]+\.)+(?:com|net|org|io|ai|kr|co|dev|app|xyz|ru|cn|info|biz|link|me)(?![\w])(?:/[^\s<>|]*)?",
    re.IGNORECASE,
)
_API_HOST = re.compile(
    r"(?:https://)?(?:\{?(?:mall_?id|your-?mall)\}?\.cafe24api\.com|developers\.cafe24\.com)(?![\w.@-])",
    re.IGNORECASE,
)
"""Where every mall's API is, and the platform's own documentation: a mention of these gives nothing away."""
_PATH = re.compile(r"(?:(GET|POST|PUT|DELETE|PATCH)\s+)?(/api/v2/[\w/{}.#-]+)", re.IGNORECASE)


def unsupported_numbers(text: str, material: str) -> list[str]:
    """Numbers in `text`, as written there, whose value does not occur in `material`.

    The parts of a date license the parts of a date only: `2026-09-30` doesn't let a text speak of 30 customers.
    """
    stated, known = _MARKERS.sub(" ", text), _PATH.sub(" ", material)
    allowed = {value for _, value in _numbers(_ISO.sub(" ", known))}
    dates = {part for _, part in _dates(known)}
    wrong = [w for w, part in _dates(stated) if part not in dates and Decimal(part[1]) not in allowed]
    rest = _DATE_PART.sub(" ", _ISO.sub(" ", stated))
    return wrong + [written for written, value in _numbers(rest) if value not in allowed]


def _dates(text: str) -> list[tuple[str, tuple[str, int]]]:
    """Years, months and days, as written and as (unit, number)."""
    found = []
    for match in _ISO.finditer(text):
        parts = zip("년월일", match.groups(), strict=True)
        found += [(match[0], (unit, int(number))) for unit, number in parts if number]
    return found + [(m[0], (m[2], int(m[1]))) for m in _DATE_PART.finditer(text)]


def unsupported_paths(text: str, material: str) -> list[str]:
    """API paths in `text` (with their method, when given) that `material` doesn't hold."""
    known = {_path_key(path) for _, path in _PATH.findall(material)}
    pairs = {(method.upper(), _path_key(path)) for method, path in _PATH.findall(material) if method}
    missing = []
    for method, path in _PATH.findall(text):
        key = _path_key(path)
        if key not in known or (method and pairs and (method.upper(), key) not in pairs):
            missing.append(f"{method} {path}".strip())
    return missing


def unsupported_links(text: str, material: str) -> list[str]:
    """Web addresses and e-mail addresses in `text` that `material` doesn't hold: a link is a way out for data."""
    known = material.lower()
    found = (m[0].rstrip(".,;:!?)]}'\"") for m in _LINK.finditer(text))
    return [link for link in found if link.lower() not in known and not _API_HOST.match(link)]


def repeated(text: str, secret: str, material: str) -> list[str]:
    """The first stretch of `secret` that `text` repeats: 20 letters, 40 of a secret that is not in Korean."""
    said, hidden, known = (re.sub(r"\s", "", t).lower() for t in (text, secret, material))
    length = 20 if 3 * len(re.findall(r"[가-힣]", hidden)) > len(hidden) else 40
    for start in range(len(said) - length + 1):
        stretch = said[start : start + length]
        if stretch in hidden and stretch not in known:
            return [stretch]
    return []


def _path_key(path: str) -> str:
    return path.rstrip("./").lower()


def _numbers(text: str) -> list[tuple[str, Decimal]]:
    text = _PATH.sub(" ", text)
    found = [(m[0].strip(), value) for m in _ARABIC.finditer(text) for value in _arabic(m)]
    found += [(m[1], Decimal(_sino(m[1]))) for m in _SINO.finditer(text)]
    return found + [(m[1], Decimal(_NATIVE[m[1]])) for m in _NATIVE_COUNT.finditer(text)]


def _arabic(match: re.Match[str]) -> list[Decimal]:
    """The value of digits with an optional Korean scale, as in `3만 5천`; the digits alone when it has none."""
    try:
        value = Decimal(match[1].replace(",", "") + (match[2] or ""))
    except InvalidOperation:
        return []
    tail = match[3].replace(" ", "").replace(",", "")
    if not tail:
        return [value.normalize()]
    total, current = Decimal(0), value
    for token in re.findall(r"\d+|[십백천만억조]", tail):
        if token.isdigit():
            current = Decimal(token)
        else:
            scale = _UNITS[token]
            if scale >= 10_000:
                total, current = (total + current) * scale if total < scale else total + current * scale, Decimal(0)
            else:
                total, current = total + (current or 1) * scale, Decimal(0)
    return [(total + current).normalize()]


def _sino(text: str) -> int:
    total = section = digit = 0
    for letter in text:
        if letter in _DIGITS:
            digit = _DIGITS[letter]
        elif _UNITS[letter] < 10_000:
            section, digit = section + (digit or 1) * _UNITS[letter], 0
        else:
            total, section, digit = total + ((section + digit) or 1) * _UNITS[letter], 0, 0
    return total + section + digit
