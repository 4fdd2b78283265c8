"""An optional last look: the best documents of a search, put in order by something that reads question and text.

Off by default. `RERANK_MODEL` names any rerank model that LiteLLM reaches (`cohere/…`, `jina_ai/…`, `infinity/…`,
`hosted_vllm/…`), or `local/overlap` for a scorer without a network. A model that doesn't answer leaves the order as
it is and says so in the log: a search is worth more than its polish. Does not belong here: finding candidates.
"""

import logging
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from cafe24_pipelines.errors import ConfigError

CANDIDATES: Final = 20
"""How many documents a reranker reads."""
LOCAL: Final = "local/overlap"
TIMEOUT: Final = 10
_log = logging.getLogger(__name__)


class Reranker(Protocol):
    """Scores texts for a question."""

    @property
    def depth(self) -> int:
        """How many of the best documents it is shown; 0 shows it none."""

    def scores(self, question: str, texts: Sequence[str]) -> list[float] | None:
        """One number a text, higher is better; None leaves the order as it is."""


@dataclass(frozen=True)
class AsRetrieved:
    """No second opinion: documents stay as they were found."""

    depth: int = 0

    def scores(self, question: str, texts: Sequence[str]) -> list[float] | None:
        """None."""
        return None


@dataclass(frozen=True)
class OverlapReranker:
    """Scores by the share of the question's words that a text has, rare ones (among the texts) counting more."""

    depth: int = CANDIDATES

    def scores(self, question: str, texts: Sequence[str]) -> list[float] | None:
        """Shares between 0 and 1; None for a question without a word."""
        from cafe24_pipelines.knowledge.tokens import tokenize

        asked, *of_texts = (set(words) for words in tokenize([question, *texts]))
        having = Counter(word for words in of_texts for word in words & asked)
        weights = {word: math.log(1 + (len(texts) + 1) / (having[word] + 0.5)) for word in sorted(asked)}
        total = sum(weights.values())
        return [sum(weights[w] for w in weights if w in words) / total for words in of_texts] if total else None


@dataclass(frozen=True)
class LiteLLMReranker:
    """A rerank model behind LiteLLM; its key comes from LiteLLM's variables unless given."""

    model: str
    api_base: str = ""
    api_key: str = ""
    depth: int = CANDIDATES

    def scores(self, question: str, texts: Sequence[str]) -> list[float] | None:
        """The model's relevance scores; None, and a line in the log, when it doesn't answer all of them."""
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else its import waits for the internet
        import litellm

        try:
            answer = litellm.rerank(
                model=self.model, query=question, documents=list(texts), top_n=len(texts), return_documents=False,
                api_base=self.api_base or None, api_key=self.api_key or None, timeout=TIMEOUT, max_retries=1,
            )  # fmt: skip
            found = {int(row["index"]): float(row["relevance_score"]) for row in answer.results or []}
        except Exception as e:  # providers raise their own kinds; whatever it is, the search itself has succeeded
            _log.warning("the rerank model %s does not answer (%s); the order stays", self.model, type(e).__name__)
            return None
        if set(found) != set(range(len(texts))) or not all(math.isfinite(s) for s in found.values()):
            _log.warning(
                "the rerank model %s scored %d of %d texts; the order stays", self.model, len(found), len(texts)
            )
            return None
        return [found[i] for i in range(len(texts))]


def reranker(model: str, *, api_base: str = "", api_key: str = "") -> Reranker:
    """The reranker that a setting names; "" for none.

    Raises:
        ConfigError: the name starts with `local/` and is none of ours.
    """
    if not model:
        return AsRetrieved()
    if model == LOCAL:
        return OverlapReranker()
    if model.startswith("local/"):
        raise ConfigError(f"RERANK_MODEL={model!r} is unknown", remedy=f"use {LOCAL}, a LiteLLM model, or unset it")
    return LiteLLMReranker(model, api_base, api_key)
