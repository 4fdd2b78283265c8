"""Dense vectors: LSA fitted on the corpus (no network), or any embedding model through LiteLLM.

Both are frozen: what they answer for a text never changes under one encoder version. Does not belong here: sparse
weights, versions and files (see `encoder.py`).
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cafe24_pipelines.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_matrix

LSA_DIMENSIONS = 128
EMBEDDING_BATCH = 64

Tokens = Sequence[str]


class Dense(Protocol):
    """Turns texts into unit vectors of `size` numbers; a text it knows nothing about becomes all zero."""

    @property
    def size(self) -> int:
        """How many numbers a vector has."""

    def embed(self, texts: Sequence[str], tokens: Sequence[Tokens]) -> "np.ndarray":
        """float32 array (texts, size); `tokens` are the texts' tokens, for models that work on those."""


@dataclass(frozen=True)
class LsaDense:
    """TF-IDF projected on the corpus's main directions; rows of `components` belong to `vocabulary`'s tokens."""

    vocabulary: dict[str, int]
    idf: "np.ndarray"
    components: "np.ndarray"

    @property
    def size(self) -> int:
        """128, or fewer for a small corpus."""
        return int(self.components.shape[1])

    @classmethod
    def fit(cls, tokens: Sequence[Tokens]) -> "LsaDense":
        """Fit on a corpus of at least one token; the same tokens in the same order give the same bytes."""
        import numpy as np
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer
        from threadpoolctl import threadpool_limits

        tfidf = TfidfVectorizer(analyzer=lambda t: t, sublinear_tf=True, dtype=np.float64)
        matrix = tfidf.fit_transform(tokens)
        dimensions = max(1, min(LSA_DIMENSIONS, matrix.shape[0] - 1, matrix.shape[1] - 1))
        svd = TruncatedSVD(dimensions, n_iter=7, random_state=0)
        with threadpool_limits(limits=1), np.errstate(invalid="ignore"):  # sums in one order on any number of cores
            svd.fit(matrix)
        real = svd.singular_values_ > 1e-6 * svd.singular_values_.max()  # beyond the rank directions are arbitrary
        components = svd.components_[real]
        peak = np.abs(components).argmax(axis=1)
        signs = np.where(components[np.arange(len(peak)), peak] < 0, -1.0, 1.0)  # a direction has no sign of its own
        return cls(
            {token: int(column) for token, column in sorted(tfidf.vocabulary_.items())},
            tfidf.idf_.astype(np.float32),
            np.ascontiguousarray((components * signs[:, None]).T, dtype=np.float32),
        )

    def embed(self, texts: Sequence[str], tokens: Sequence[Tokens]) -> "np.ndarray":
        """Unit vectors by tokens alone; unknown tokens count nothing."""
        import numpy as np

        projected = self._tfidf(tokens) @ self.components
        length = np.linalg.norm(projected, axis=1, keepdims=True)
        return np.divide(projected, length, out=np.zeros_like(projected), where=length > 1e-9)

    def _tfidf(self, tokens: Sequence[Tokens]) -> "csr_matrix":
        import numpy as np
        from scipy.sparse import csr_matrix

        rows, columns, values = [], [], []
        for row, words in enumerate(tokens):
            for token, count in Counter(words).items():
                column = self.vocabulary.get(token)
                if column is not None:
                    rows.append(row)
                    columns.append(column)
                    values.append((1.0 + np.log(count)) * self.idf[column])
        shape = (len(tokens), len(self.vocabulary))
        return csr_matrix((np.asarray(values, dtype=np.float32), (rows, columns)), shape=shape)


@dataclass(frozen=True)
class LiteLLMDense:
    """An embedding model behind LiteLLM; its key comes from LiteLLM's variables unless given; not stored."""

    model: str
    size: int
    api_base: str = ""
    api_key: str = ""

    @classmethod
    def connect(cls, model: str, *, api_base: str = "", api_key: str = "") -> "LiteLLMDense":
        """Ask the model for one vector to learn its size.

        Raises:
            ConfigError: the model does not answer.
        """
        size = len(_embedding(cls(model, 0, api_base, api_key), ["크기"])[0])
        return cls(model, size, api_base, api_key)

    def embed(self, texts: Sequence[str], tokens: Sequence[Tokens]) -> "np.ndarray":
        """Unit vectors of the texts, asked for in batches.

        Raises:
            ConfigError: the model does not answer, or answers with another size than at the fit.
        """
        import numpy as np

        batches = [texts[i : i + EMBEDDING_BATCH] for i in range(0, len(texts), EMBEDDING_BATCH)]
        rows = [vector for batch in batches for vector in _embedding(self, batch)]
        if any(len(row) != self.size for row in rows):
            raise ConfigError(
                f"the embedding model {self.model!r} answers vectors of another size than {self.size}",
                remedy="run `cafe24 rebuild vectors` to encode everything with the model as it is now",
            )
        array = np.asarray(rows, dtype=np.float32).reshape(len(texts), self.size)
        length = np.linalg.norm(array, axis=1, keepdims=True)
        return np.divide(array, length, out=np.zeros_like(array), where=length > 1e-9)


def _embedding(dense: LiteLLMDense, texts: Sequence[str]) -> list[list[float]]:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else its import waits for the internet
    import litellm
    from openai import OpenAIError

    try:
        answer = litellm.embedding(
            model=dense.model, input=list(texts), api_base=dense.api_base or None, api_key=dense.api_key or None,
            encoding_format="float", timeout=60, num_retries=2,
        )  # fmt: skip
    except (OpenAIError, ValueError) as e:
        raise ConfigError(
            f"the embedding model {dense.model!r} does not answer ({type(e).__name__})",
            remedy="check EMBEDDING_MODEL and its key, or unset EMBEDDING_MODEL for the built-in encoder",
        ) from e
    return [row["embedding"] for row in sorted(answer.data, key=lambda row: row["index"])]
