"""`local/extractive`: a LiteLLM provider that composes an answer from the prompt's own material, offline.

It reads the same messages as any model: computed facts as they stand, then the call or the steps that were asked for,
then the sentences of the passages that share most with the question, then what the graph adds. It adds no fact, says
nothing twice, and says that it is not a generative model when it is asked to write something. Does not belong here:
retrieval, computation, prompts.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.answers.details import asked_lines
from cafe24_pipelines.answers.evidence import TASK
from cafe24_pipelines.answers.frames import KO, Frames, frames
from cafe24_pipelines.answers.prompts import REMOVED, Block, Message, lang_of, parse
from cafe24_pipelines.answers.words import concepts, squeezed, subject_words, with_synonyms

if TYPE_CHECKING:
    from litellm import CustomLLM

PROVIDER = "local"
MODEL = "local/extractive"
NOT_GENERATIVE = KO.not_generative
NO_MATERIAL = KO.no_material

_MAX_DOCUMENTS = 3
_MAX_SENTENCES = 3
_MAX_SENTENCE = 400
_MAX_OTHERS = 3
_MAX_FACTS = 4

_ENDPOINT = re.compile(r"(?:GET|POST|PUT|DELETE|PATCH) /api/[^\s`]+")
_SCOPE = re.compile(r"필요한 (?:스코프|권한\(scope\):) `?(mall\.[a-z_]+)`?")
_ASKS_API = re.compile(r"api|엔드포인트|호출|스코프|scope|권한", re.IGNORECASE)
_IDLE = re.compile(r"필요|어떤|어떻게|무엇|방법")
_ASKS_ORDER = re.compile(r"api|엔드포인트|호출|순서|차례", re.IGNORECASE)
_ASKS_HOW = re.compile(r"방법|려면|어떻게\s?(?:해야|하나|하면|하지|보내|만들|찾)")
_ASKS_SCOPE = re.compile(r"스코프|scope|권한", re.IGNORECASE)
_STEP = re.compile(r"^1\. `[A-Z]+ /", re.MULTILINE)
_METHODS = (
    ("DELETE", re.compile(r"삭제|지우|없애|제거|취소")),
    ("PUT", re.compile(r"수정|변경|바꾸|바꿀|고치|설정")),
    ("POST", re.compile(r"등록|만들|추가|발급|지급|발송|보내|생성|쓰기|전송")),
    ("GET", re.compile(r"조회|목록|가져|읽|확인|보려|불러|받아|찾|알아|분석|세는|개수")),
)
_SORTS = tuple(
    (re.compile(asked), re.compile(title))
    for asked, title in (
        (r"목록|리스트|전체|전부|여러|모두", r"목록"),
        (r"개수|건수|몇\s?(?:건|개|명)|수\s?(?:조회|를|만|세)|세는", r"수 조회"),
        (r"상세|하나만|한\s?(?:건|개|명)|단건", r"상세"),
    )
)
"""Which of a resource's reading calls is meant, and how its title says so."""


@dataclass(frozen=True)
class _Call:
    """An endpoint of the material: `shown` is its title without the English in brackets."""

    endpoint: str
    title: str
    scope: str
    mark: str

    @property
    def shown(self) -> str:
        return _korean(self.title)


def compose(messages: list[Message]) -> str:
    """An answer made only of what the messages hold, in Korean; its frame in English when the messages ask for it.

    Raises:
        ValueError: the messages don't follow the prompt skeleton.
    """
    question, blocks = parse(messages)
    said = frames(lang_of(messages))
    if not blocks:
        return said.no_material
    computed = [b.text for b in blocks if b.kind == "계산"]
    steps = [b for b in blocks if b.kind == "그래프" and b.title == TASK]
    parts = [said.not_generative] if "write" in concepts(question) else []
    how = asks_how(question) and bool(steps)
    parts += [] if how else computed
    scopes = {b.key: m[1] for b in blocks if (m := _SCOPE.search(b.text))}
    told = [_numbered(step, scopes, said) for step in steps]
    first = bool(_ASKS_ORDER.search(question)) or bool(computed)  # else what to do comes before what to call
    parts += told if first else []
    call = None if steps or computed else _call(question, blocks)
    if call:
        parts.append(_told(call, question, said))
    words = subject_words(question)
    details = asked_lines(question)
    if call and call.scope and _ASKS_SCOPE.search(question):
        details = tuple(p for p in details if not p.search(call.scope))  # the call has said it
    quoted = _quoted([b for b in blocks if b.kind == "문서"][:_MAX_DOCUMENTS], words, call, details)
    if quoted:
        parts.append("\n".join([said.documents, *quoted]))
    parts += [] if first else told
    parts += computed if how else []  # a figure beside the way to do it
    facts = _facts([b for b in blocks if b.kind == "그래프" and b.title != TASK], question, "\n".join(parts))
    if facts:
        parts.append("\n".join([said.graph, *facts]))
    return "\n\n".join(parts)


def asks_how(question: str) -> bool:
    """Whether a question wants to know how to do something, whatever figure its words name too."""
    return _ASKS_HOW.search(question) is not None


def _numbered(task: Block, scopes: dict[str, str], said: Frames) -> str:
    """The calls of a task, in order, with the scopes they need; lines that name no call stand as they are."""
    lines, number = [], 0
    for line in filter(None, map(str.strip, task.text.splitlines())):
        if call := _ENDPOINT.search(line):
            number += 1
            scope = f" (`{scopes[call[0]]}`)" if call[0] in scopes else ""
            line = f"{number}. {re.sub(r'^(?:[-*•]|[0-9]{1,2}[.)])[ ]*', '', line)}{scope}"  # noqa: PLW2901
        lines.append(line)
    return "\n".join(lines) if number == 0 or not _ENDPOINT.search(lines[0]) else "\n".join([said.steps, *lines])


def _call(question: str, blocks: list[Block]) -> _Call | None:
    """The endpoint whose title shares most with the question; its method decides among those that share alike."""
    scopes = {b.key: m[1] for b in blocks if (m := _SCOPE.search(b.text))}
    calls = [
        _Call(b.key, b.title, scopes.get(b.key, ""), f" [문서 {b.number}]")
        for b in blocks
        if b.kind == "문서" and _ENDPOINT.fullmatch(b.key)
    ]
    for block in (b for b in blocks if b.kind == "그래프" and _ENDPOINT.fullmatch(b.key)):
        title = re.match(r"`[^`]+` \((.+?)\)(?=:|$)", block.text)
        if title and block.key not in {c.endpoint for c in calls}:
            calls.append(_Call(block.key, title[1], scopes.get(block.key, ""), ""))
    wanted = named_words(question)
    method = next((name for name, pattern in _METHODS if pattern.search(question)), "")

    sort = next((title for asked, title in _SORTS if asked.search(question)), None)

    def fit(call: _Call) -> tuple[int, bool, bool, int]:
        kind = sort is not None and sort.search(call.shown) is not None
        return _named(call.shown, wanted), call.endpoint.startswith(method), kind, -len(call.shown)

    spelt = next((call for call in calls if call.endpoint.lower() in question.lower()), None)
    best = spelt or max(calls, key=fit, default=None)
    if best is None or spelt or not wanted:
        return spelt
    shared, does, *_ = fit(best)
    if not _ASKS_API.search(question):
        return best if shared == len(wanted) and does else None
    enough = 2 * shared > len(wanted) or (2 * shared == len(wanted) and does and method)
    return best if enough else None


def named_words(question: str) -> list[str]:
    """The words that say what a call is about: neither that it is a call nor what it does."""
    verbs = [pattern for _, pattern in _METHODS]
    words = [w for w in subject_words(question) if not _ASKS_API.search(w) and not _IDLE.match(w)]
    return [w for w in words if not any(p.match(w) for p in verbs)] or words


def _named(title: str, words: list[str]) -> int:
    """How many of the words, or of their other names, a title holds."""
    text = squeezed(title)
    return sum(1 for word in words if any(name in text for name in with_synonyms([word])))


def _told(call: _Call, question: str, said: Frames) -> str:
    """One call as the direct answer."""
    scope = said.scope.format(scope=call.scope) if call.scope else ""
    if _ASKS_SCOPE.search(question) and scope:
        return f"{scope} `{call.endpoint}` — {call.shown}{call.mark}"
    return f"`{call.endpoint}` — {call.shown}{call.mark}\n{scope}".rstrip()


def _quoted(
    documents: list[Block], words: list[str], call: _Call | None, details: tuple[re.Pattern[str], ...]
) -> list[str]:
    """One line a passage: title, id, and the sentences nearest to the question that no line before has said.

    Passages after the first must share at least half as much with the question as the best one does. Where the
    question wants a single detail (`details`), the sentences that hold it come first.
    """
    scores = [_shared(f"{b.title} {b.text}", words) for b in documents]
    lines: list[str] = []
    told: set[str] = set()
    for block, score in zip(documents, scores, strict=True):
        if lines and 2 * score < max(scores):
            continue
        chosen = [s for s in _nearest(block, words, details) if squeezed(s) not in told]
        told.update(map(squeezed, chosen))
        body = "".join(f" {s[:_MAX_SENTENCE]}" for s in chosen)
        if body or not call:
            lines.append(f"- {_korean(block.title)} (`{block.key}`){':' if body else ''}{body} [문서 {block.number}]")
    return lines


def _nearest(block: Block, words: list[str], details: tuple[re.Pattern[str], ...]) -> list[str]:
    """Up to three sentences: those with the detail that is wanted, else those in a row that share most with the
    question, earlier ones first among equals.
    """
    known = {squeezed(block.title), squeezed(_korean(block.title)) + "."}
    formal = _FORMAL if _ENDPOINT.fullmatch(block.key) else _SOURCE
    found = [s for s in _sentences(block.text.replace(REMOVED, "\n")) if squeezed(s) not in known]
    asked = [s for p in details for s in found if p.search(s)]
    if asked:
        return list(dict.fromkeys(asked))[:_MAX_SENTENCES]
    sentences = [s for s in found if not _SOURCE.match(s) and not formal.search(s)]
    named = squeezed(block.title + block.key)
    telling = [word for word in words if word not in named] or words
    scores = [_shared(s, telling) for s in sentences]
    starts = range(max(1, len(sentences) - _MAX_SENTENCES + 1))
    best = max(starts, key=lambda i: (sum(scores[i : i + _MAX_SENTENCES]), -i))
    return sentences[best : best + _MAX_SENTENCES]


_SOURCE = re.compile(r".*(?:developers\.cafe24\.com|\(\d{4}\)\.|doi[ :]|https?:)")
"""A line of a bibliography."""


_FORMAL = re.compile(r"그룹의 .+ 리소스에 속한|^하는 일:|^필요한 권한\(scope\)")
"""What every endpoint's document says of itself, and the direct answer has said."""


def _sentences(text: str) -> list[str]:
    pieces = re.split(r"(?<![ \n]\d\.)(?<!^\d\.)(?<=[.!?])\s+|\n+", text)
    cleaned = (re.sub(r"^[\s#>*-]+(?=\S)|\*\*", "", _cells(piece)).strip() for piece in pieces)
    return [_ended(piece) for piece in cleaned if re.search(r"\w", piece)]


def _cells(line: str) -> str:
    """A row of a table as `first: second, third`; other lines as they are."""
    if not line.lstrip().startswith("|"):
        return line
    first, *rest = [cell.strip(" -:") for cell in line.strip().strip("|").split("|")]
    return f"{first}: {', '.join(rest)}" if first else ""


def _ended(sentence: str) -> str:
    """With a full stop, so that a line of a list stays apart from the next one."""
    return sentence if sentence[-1] in ".!?:" else f"{sentence}."


def _facts(graph: list[Block], question: str, before: str) -> list[str]:
    """What the graph adds: other calls, then each concept and metric once; nothing that stands above already.

    Where the question is not about calls, only those count whose title it names.
    """
    others: list[str] = []
    facts: list[str] = []
    seen: set[str] = set()
    if _STEP.search(before):
        return []
    about_calls, words = bool(_ASKS_API.search(question)), named_words(question)
    for block in graph:
        text = block.text
        if _ENDPOINT.fullmatch(block.key):
            wanted = about_calls or 2 * _named(text.split("`", 2)[-1], words) > len(words)
            if wanted and f"`{block.key}`" not in before and block.key not in seen and len(others) < _MAX_OTHERS:
                others.append(f"- {text}")
            seen.add(block.key)
            continue
        told = text.split("개념: ", 1)[-1]
        about = re.match(r"'?(.+?)(?:'| —)", told)
        named = about is not None and _named(about[1], words) > 0
        if named and told not in seen and told not in before and len(facts) < _MAX_FACTS:
            facts.append(f"- {text}")
        seen.add(told)
    return others + facts


def _korean(title: str) -> str:
    """A title without its trailing English in brackets."""
    cut = re.search(r" \((?=[A-Za-z])", title)
    return title[: cut.start()] if cut and title.endswith(")") else title


def _shared(sentence: str, words: list[str]) -> int:
    text = squeezed(sentence)
    return sum(len(word) for word in words if word in text)


def handler() -> "CustomLLM":
    """The LiteLLM handler; `llm.py` registers it under the provider name `local`."""
    from litellm import CustomLLM, ModelResponse
    from litellm.types.utils import Choices, Usage
    from litellm.types.utils import Message as Reply

    class Extractive(CustomLLM):
        def completion(self, *args: Any, **kwargs: Any) -> ModelResponse:
            given: list[Message] = kwargs["messages"]
            text = compose(given)
            reply = Choices(finish_reason="stop", index=0, message=Reply(content=text, role="assistant"))
            before = sum(approximate_tokens(m["content"]) for m in given)
            after = approximate_tokens(text)
            usage = Usage(prompt_tokens=before, completion_tokens=after, total_tokens=before + after)
            return ModelResponse(model=MODEL, choices=[reply], usage=usage)

    return Extractive()


def approximate_tokens(text: str) -> int:
    """About how many tokens a text has: a Korean syllable counts one, four other characters count one."""
    korean = len(re.findall(r"[가-힣]", text))
    return korean + (len(text) - korean + 3) // 4
