"""A merchant's correction is data: what must hold before its text may teach anything.

It is compared with the same question's answer, computed and verified anew. Every number and API path must be among
what supports that answer, no sentence may contradict it or deny what it doesn't deny, its words must be the
question's or the material's, and nothing in it may be personal or speak to a model. That turns away true corrections
too: what nothing here can prove is not taught. Does not belong here: asking (`reask.py`).
"""

import re
from typing import Final

from cafe24_pipelines import guard
from cafe24_pipelines.answers.claims import contradicted
from cafe24_pipelines.answers.refusal import looks_like_instruction
from cafe24_pipelines.answers.verify import split
from cafe24_pipelines.answers.words import content_words, squeezed
from cafe24_pipelines.cafe24.masking import PLACEHOLDERS, mask_text

_DENIES: Final = re.compile(r"않|아니|아닌|아닙|못하|못해|없(?:습|다|는|어|음)|안\s?(?:됩|되|돼|합|해)")
_MEMBER_KEY: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_ENDS: Final = re.compile(r"(?:이?었습니다|였습니다|[입합됩]?니다|이에요|[예에어아]요|이다|이며|이고)$")


def personal(text: str) -> bool:
    """Whether a text holds, or held before it was masked, personal data."""
    return bool(_MEMBER_KEY.search(text)) or mask_text(text) != text or any(mark in text for mark in PLACEHOLDERS)


def instructs(text: str) -> bool:
    """Whether a sentence of the text, or all of it, speaks to a model and not to a reader."""
    sentences, rest = split(text)
    return any(looks_like_instruction(one) for one in (*sentences, rest, text) if one.strip())


def unproven(text: str, question: str, material: str) -> str:
    """What of a correction is not proven by the material: a reason, or "" when all of it is."""
    known = f"{question}\n{material}"
    if guard.unsupported_numbers(text, known):
        return "number_not_computed"
    if guard.unsupported_paths(text, known) or guard.unsupported_links(text, known):
        return "path_or_link_unknown"
    sentences, rest = split(text)
    for sentence in (*sentences, rest):
        if not sentence.strip():
            continue
        if contradicted(sentence, material):
            return "contradicts_what_is_computed"
        if _DENIES.search(sentence) and not _DENIES.search(material):
            return "denies_what_is_computed"
    body = squeezed(known)
    strange = [word for word in content_words(text) if not _known(word, body)]
    return "says_what_nothing_here_proves" if strange or not content_words(text) else ""


def _known(word: str, body: str) -> bool:
    stem = _ENDS.sub("", word)
    return not stem or stem in body or (len(stem) >= 3 and stem[:-1] in body)
