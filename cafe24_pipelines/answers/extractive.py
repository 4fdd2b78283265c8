"""`local/extractive`: a LiteLLM provider that composes an answer from the prompt's own material, offline.

It reads the same messages as any model, quotes computed facts as they stand, the sentences of the passages that
share most with the question, and graph facts. It adds no fact, and says that it is not a generative model when it
is asked to write something. Does not belong here: retrieval, computation, prompts.
"""

import re
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.answers.prompts import REMOVED, Block, Message, parse
from cafe24_pipelines.answers.words import concepts, content_words, squeezed

if TYPE_CHECKING:
    from litellm import CustomLLM

PROVIDER = "local"
MODEL = "local/extractive"
NOT_GENERATIVE = (
    "저는 글을 지어내는 생성 모델이 아니라, 검색한 문서와 계산한 값만 옮겨 적는 로컬 추출기입니다. "
    "새 글이나 코드를 쓰려면 LLM_MODEL에 생성 모델을 설정하세요."
)
NO_MATERIAL = "근거로 삼을 문서나 계산 결과가 없어 답할 수 없습니다. " + NOT_GENERATIVE

_MAX_DOCUMENTS = 3
_MAX_SENTENCES = 3
_MAX_SENTENCE = 400


def compose(messages: list[Message]) -> str:
    """A Korean answer made only of what the messages hold.

    Raises:
        ValueError: the messages don't follow the prompt skeleton.
    """
    question, blocks = parse(messages)
    parts = [NOT_GENERATIVE] if "write" in concepts(question) else []
    computed = [b.text for b in blocks if b.kind == "계산"]
    documents = [b for b in blocks if b.kind == "문서"][:_MAX_DOCUMENTS]
    graph = [b.text for b in blocks if b.kind == "그래프"]
    if not blocks:
        return NO_MATERIAL
    parts += computed
    if documents:
        words = content_words(question)
        parts.append("\n".join(["문서에서 찾은 내용입니다.", *(_quote(block, words) for block in documents)]))
    if graph:
        parts.append("\n".join(["그래프에서 이어진 정보입니다.", *(f"- {text}" for text in graph)]))
    return "\n\n".join(parts)


def _quote(block: Block, words: list[str]) -> str:
    """One line for a passage: title, id, and its sentences nearest to the question, in their own order."""
    sentences = [s for s in _sentences(block.text.replace(REMOVED, "\n")) if s != block.title]
    named = squeezed(block.title + block.key)
    telling = [word for word in words if word not in named] or words
    ranked = sorted(range(len(sentences)), key=lambda i: (-_shared(sentences[i], telling), i))
    chosen = sorted(ranked[:_MAX_SENTENCES])
    body = " ".join(sentences[i][:_MAX_SENTENCE] for i in chosen)
    return f"- {block.title} (`{block.key}`): {body} [문서 {block.number}]"


def _sentences(text: str) -> list[str]:
    pieces = re.split(r"(?<=[.!?])\s+|\n+", text)
    return [cleaned for piece in pieces if (cleaned := re.sub(r"^[\s#>*-]+", "", piece).strip())]


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
