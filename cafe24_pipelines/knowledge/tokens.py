"""Korean morphological tokens, API paths and field names: the one tokeniser of documents and queries.

Korean text goes through Kiwi; technical spans are taken out first, because morphology would break them:

- `GET /api/v2/admin/orders/{order_id}`: the path (placeholders and ids become `{}`), method + path, each segment;
- `member_id`, `memberId`, `mall.read_order`, `X-Api-Version`: the whole name and its parts;
- English words in lower case without a plural ending.

A token's id is 32 bits of its BLAKE2 hash: stable in every process and corpus, no vocabulary needed. Two tokens share
an id about once in 2^32 / n pairs (a vocabulary of 10,000 expects 0.01 collisions); such a pair would merely be
counted as one word. Does not belong here: weighting (see `encoder.py`).
"""

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kiwipiepy import Kiwi, Token

TOKENISER_VERSION = "3"
"""Part of every encoder version: a change of the rules below changes it."""

_METHODS = ("get", "post", "put", "delete", "patch")
_SPAN = re.compile(
    r"(?P<path>(?:(?:GET|POST|PUT|DELETE|PATCH)\s+)?(?:/[A-Za-z0-9_.#:{}*-]+){2,}/?)"
    r"|(?P<name>[A-Za-z][A-Za-z0-9]*(?:[._-][A-Za-z0-9]+)+)"
    r"|(?P<word>[0-9]*[A-Za-z][A-Za-z0-9]*)",
    re.IGNORECASE | re.ASCII,
)
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_PLACEHOLDER = re.compile(r"[#:]?\{[^}]*\}|:[A-Za-z_]+|[0-9][0-9-]*")
_EVERYWHERE = frozenset({"api", "v2", "admin", "{}"})

_NOUNS = ("NNG", "NNP", "NR", "XR", "SH", "SN")
_PREDICATES = ("VV", "VA")
_IDLE = frozenset({
    "하다", "되다", "있다", "이다", "같다", "알다", "싶다", "보다", "주다",
    "어떻다", "어떠하다", "그렇다", "이렇다", "그러다", "위하다", "대하다", "통하다",
})  # fmt: skip
_IDLE_ADVERBS = frozenset(
    {"어떻게", "그냥", "모두", "함께", "가장", "매우", "너무", "정말", "좀더", "아주", "바로", "이미", "또한"}
)
_PLURAL_MARKS = frozenset({"들", "님", "씨", "적", "째", "쯤"})

_WHOLE = (
    "손님", "엔드포인트", "위시리스트", "상품평", "구매평", "운송장", "홀드아웃", "윈백", "임베드", "친구톡",
    "에이치맥",
)  # fmt: skip
"""Words of the trade that the morphological model would take apart (손+님, 엔드+포인트)."""

_CACHED_TEXTS = 8192
_cache: OrderedDict[str, tuple[str, ...]] = OrderedDict()
_lock = threading.Lock()
_kiwi: "Kiwi | None" = None


def tokenize(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Tokens of every text, in order of appearance per kind (technical first), with repetitions.

    Texts seen lately in this process are answered from a cache; the others go through Kiwi in one batch. Kiwi is
    loaded at the first text that has letters beyond ASCII (2 to 4 s, about 300 MB). Thread-safe.
    """
    with _lock:
        new = [text for text in dict.fromkeys(texts) if text not in _cache]
        fresh = dict(zip(new, _tokenize(new), strict=True))
        result = [fresh[text] if text in fresh else _cache[text] for text in texts]
        for text in texts:
            _cache[text] = fresh[text] if text in fresh else _cache[text]
            _cache.move_to_end(text)
        while len(_cache) > _CACHED_TEXTS:
            _cache.popitem(last=False)
    return result


def names_only(text: str) -> bool:
    """Whether the text is nothing but API paths and compound names (`GET /api/v2/...`, `member_id`)."""
    spans = list(_SPAN.finditer(text))
    rest = _SPAN.sub(" ", text)
    exact = all(m["path"] or m["name"] or re.search(r"[a-z][A-Z]", m["word"]) for m in spans)
    return bool(spans) and exact and not any(c.isalnum() for c in rest)


@lru_cache(maxsize=65536)
def token_id(token: str) -> int:
    """A stable uint32 of the token."""
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=4).digest(), "big")


def _tokenize(texts: list[str]) -> list[tuple[str, ...]]:
    technical = [list(_technical(text)) for text in texts]
    rest = [_SPAN.sub(" ", text) for text in texts]
    korean: list[list[str]] = [[] for _ in texts]
    spoken = [i for i, text in enumerate(rest) if any(c.isalnum() for c in text)]
    if spoken:
        analysed = _load().tokenize([rest[i] for i in spoken])
        for i, tokens in zip(spoken, analysed, strict=True):
            korean[i] = list(_morphemes(list(tokens)))
    return [tuple(a + b) for a, b in zip(technical, korean, strict=True)]


def _load() -> "Kiwi":
    global _kiwi  # noqa: PLW0603 - one model a process, guarded by the lock
    if _kiwi is None:
        from kiwipiepy import Kiwi

        kiwi = Kiwi(load_multi_dict=False)  # its phrases are names of people and places, for 200 MB
        for word in _WHOLE:
            kiwi.add_user_word(word, "NNG")
        _kiwi = kiwi
    return _kiwi


def _technical(text: str) -> Iterator[str]:
    for match in _SPAN.finditer(text):
        if match["path"]:
            yield from _path_tokens(match["path"])
        elif match["name"]:
            yield from _name_tokens(match["name"])
        else:
            yield from _word_tokens(match["word"])


def _path_tokens(span: str) -> Iterator[str]:
    method, _, rest = span.partition("/")
    named = re.sub(r"\.json$", "", rest.rstrip("/.,:")).split("/")
    segments = ["{}" if _PLACEHOLDER.fullmatch(segment) else segment for segment in named]
    path = "/" + "/".join(segments).lower()
    yield path
    if method.strip().lower() in _METHODS:
        yield f"{method.strip().lower()} {path}"
    for segment in segments:
        if segment.lower() not in _EVERYWHERE:
            yield from _name_tokens(segment) if re.search(r"[._-]", segment) else _word_tokens(segment)


def _name_tokens(name: str) -> Iterator[str]:
    yield re.sub(r"[._-]+", "_", name).lower()
    for part in re.split(r"[._-]+", name):
        yield from _word_tokens(part)


def _word_tokens(word: str) -> Iterator[str]:
    """One English word; `memberId` also as `member_id` and its parts, so that both spellings meet."""
    parts = _CAMEL.findall(word)
    if len(parts) > 1 and re.search(r"[a-z][A-Z]", word):
        yield "_".join(parts).lower()
        for part in parts:
            yield _singular(part.lower())
    elif word:
        yield _singular(word.lower())


def _singular(word: str) -> str:
    """Without a plural ending; crude on purpose, documents and queries are treated alike."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _morphemes(tokens: "list[Token]") -> Iterator[str]:
    """Content words: nouns, roots, numbers, verb and adjective lemmas, longer adverbs, derived nouns whole too."""
    for i, token in enumerate(tokens):
        tag = token.tag.split("-")[0]
        before = tokens[i - 1] if i and tokens[i - 1].end == token.start else None
        if tag in _NOUNS:
            yield token.form
            if before is not None and before.tag == "XPN":  # 재+구매: also 재구매
                yield before.form + token.form
        elif tag == "XSN" and before is not None and token.form not in _PLURAL_MARKS:  # 구매+율: also 구매율
            yield before.form + token.form
        elif tag in _PREDICATES:
            lemma = token.form + "다"
            if lemma not in _IDLE:
                yield lemma
        elif tag == "MAG" and len(token.form) > 1 and token.form not in _IDLE_ADVERBS:
            yield token.form
