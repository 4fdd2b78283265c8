"""The one prompt skeleton, the same for every arm and model: 지시, 질문, 문서, 그래프, 계산 결과.

The wording lies in `prompts/*.md`; `prompt_version()` is the hash of those files, so that an experiment can say
which wording it ran. Material is fenced by lines that carry a key made from the material itself, so a text can't
close its own fence; what nobody sees and sentences that speak to the model are taken out of it. English has
instructions of its own over the same skeleton. Does not belong here: gathering material.
"""

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from cafe24_pipelines.answers.evidence import Evidence, pattern_text
from cafe24_pipelines.answers.frames import KO, frames
from cafe24_pipelines.answers.intake import visible
from cafe24_pipelines.answers.refusal import looks_like_instruction

NOTHING = "(없음)"
REMOVED = KO.removed
SECTIONS = ("질문", "문서", "그래프", "계산 결과")
MAX_PASSAGE = 1800
"""Characters of a passage that go into a prompt."""

Message = dict[str, str]


@dataclass(frozen=True)
class Block:
    """One fenced piece of material; `kind` is 문서, 그래프 or 계산, `number` counts from 1 within the kind."""

    kind: str
    number: int
    key: str
    title: str
    text: str


@cache
def _file(name: str) -> str:
    return (files(__package__) / "prompts" / name).read_text("utf-8")


def _instructions(lang: str) -> str:
    return _file(f"instructions.{lang}.md")


def prompt_version(lang: str = "ko") -> str:
    """Hash of a language's prompt files, 12 hex digits."""
    return sha256((_instructions(lang) + "\0" + _file("question.ko.md")).encode()).hexdigest()[:12]


def messages(question: str, evidence: Evidence, lang: str = "ko") -> list[Message]:
    """The chat messages for a question with its material; parts without material say so.

    Raises:
        BadInput: the language is not ko or en.
    """
    frames(lang)
    documents = [
        Block("문서", i, p.document_id, p.title, p.text[:MAX_PASSAGE]) for i, p in enumerate(evidence.passages, 1)
    ]
    graph = [Block("그래프", i, f.key, f.label, f.text) for i, f in enumerate(evidence.graph, 1)]
    computed = [Block("계산", i, c.key, c.title, c.text) for i, c in enumerate(evidence.computed, 1)]
    computed += [
        Block("계산", i, p.id, f"패턴 {p.detector}", pattern_text(p))
        for i, p in enumerate(evidence.patterns, len(computed) + 1)
    ]
    fence = _fence_key(question, [*documents, *graph, *computed])
    body = _file("question.ko.md").format(
        question=_one_line(visible(question)),
        documents=_fenced(documents, fence),
        graph=_fenced(graph, fence),
        computed=_fenced(computed, fence),
    )
    return [{"role": "system", "content": _instructions(lang)}, {"role": "user", "content": body}]


def lang_of(given: list[Message]) -> str:
    """The language that the instructions of a prompt ask for."""
    return "en" if given and given[0]["content"] == _instructions("en") else "ko"


def parse(given: list[Message]) -> tuple[str, list[Block]]:
    """The question and the blocks of a prompt that `messages` made.

    Raises:
        ValueError: the last user message is not of this skeleton.
    """
    text = next((m["content"] for m in reversed(given) if m["role"] == "user"), "")
    match = re.search(r"^# 질문\n\n(.*?)\n\n# 문서\n", text, re.DOTALL | re.MULTILINE)
    if not match:
        raise ValueError("not a prompt of this skeleton")
    rest = text[match.end() :]
    key = re.search(r"^===자료 ([0-9a-f]{12}) ", rest, re.MULTILINE)
    if not key:
        return match[1], []
    fence = re.compile(
        rf"^===자료 {key[1]} (문서|그래프|계산) (\d+) \| (.*?) \| (.*?)\n(.*?)\n===끝 {key[1]}$",
        re.DOTALL | re.MULTILINE,
    )
    return match[1], [Block(m[1], int(m[2]), m[3], m[4], m[5]) for m in fence.finditer(rest)]


def given_text(given: list[Message]) -> str:
    """The question and the material of a prompt without its fences: what a reply may take its numbers from.

    A fence carries numbers of its own (of blocks, of its key) that say nothing about the shop.
    """
    question, blocks = parse(given)
    return "\n".join([question, *(f"{b.key}\n{b.title}\n{b.text}" for b in blocks)])


def _fence_key(question: str, blocks: list[Block]) -> str:
    digest = sha256(question.encode())
    for block in blocks:
        digest.update(f"\0{block.key}\0{block.text}".encode())
    return digest.hexdigest()[:12]


def _fenced(blocks: list[Block], fence: str) -> str:
    if not blocks:
        return NOTHING
    return "\n".join(
        f"===자료 {fence} {b.kind} {b.number} | {_label(b.key)} | {_label(b.title)}\n{_inert(b.text)}\n===끝 {fence}"
        for b in blocks
    )


def _inert(text: str) -> str:
    """Material without sentences that speak to the model and without lines that look like a fence or heading."""
    lines = visible(text).splitlines()
    kept = [_without_instructions(line) for line in lines]
    for i in range(len(lines) - 1):  # an instruction that a line break cuts in two
        if REMOVED not in kept[i] + kept[i + 1] and looks_like_instruction(f"{lines[i][-80:]} {lines[i + 1][:80]}"):
            kept[i] = kept[i + 1] = REMOVED
    return re.sub(r"^===", "＝＝＝", "\n".join(kept), flags=re.MULTILINE)


def _without_instructions(line: str) -> str:
    parts = re.split(r"(?<=[.!?。])\s+", line)
    return " ".join(REMOVED if looks_like_instruction(part) else part for part in parts)


def _label(text: str) -> str:
    """Text for a fence line: one line, no separator."""
    text = visible(text)
    safe = REMOVED if looks_like_instruction(text) else text
    return _one_line(safe).replace("|", "/")


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
