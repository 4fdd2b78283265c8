"""Which products are alike: bought by the same members, bought one after another, or described alike.

Each makes a sparse matrix products x products whose row holds the `NEIGHBOURS` strongest neighbours of a product.
Does not belong here: members (see `methods.py`).
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cafe24_pipelines.crm.recommender.history import History

NEIGHBOURS: Final = 100
SHRINKAGE: Final = 10.0
"""Members that an observed likeness is weighed against: rare products are not alike for one shared buyer."""
LAG: Final = 60.0
"""Days after which a following purchase counts 1/e."""
_BLOCK: Final = 512
_K1, _B = 1.2, 0.75  # the usual constants of BM25


def purchases(history: "History", weight: "NDArray[np.float64] | None" = None) -> Any:
    """Members x products (CSR): how many orders, or the sum of `weight` an entry."""
    import numpy as np
    from scipy.sparse import csr_array

    values = np.ones(len(history.member), np.float32) if weight is None else weight.astype(np.float32)
    shape = (history.members, history.products)
    return csr_array((values, (history.member, history.product)), shape=shape)


def cosine(counts: Any) -> Any:
    """Likeness by shared members: cosine of who bought, shrunk towards 0 where few members speak for it."""
    owned = counts.copy()
    owned.data[:] = 1
    return _neighbours(owned, SHRINKAGE)


def bm25(counts: Any) -> Any:
    """Likeness by shared members, each weighed by BM25: one who bought everything says little about anything."""
    import numpy as np
    from scipy.sparse import diags_array

    length = np.asarray(counts.sum(axis=1)).ravel()
    held = np.diff(counts.indptr)
    rare = np.log1p(counts.shape[1] / np.maximum(held, 1))
    norm = _K1 * (1 - _B + _B * length / max(length[length > 0].mean() if (length > 0).any() else 1.0, 1e-9))
    weighed = counts.copy()
    weighed.data = weighed.data * (_K1 + 1) / (weighed.data + np.repeat(norm, held))
    weighed = (diags_array(rare) @ weighed).tocsr().astype(np.float32)
    typical = float((weighed.data**2).mean()) if weighed.nnz else 1.0
    return _neighbours(weighed, SHRINKAGE * typical)


def following(history: "History") -> Any:
    """Row p: how likely each product is in the next order of a member whose last one held p, the sooner the more."""
    import numpy as np
    from scipy.sparse import csr_array, diags_array

    shape = (history.products, history.products)
    key = history.member.astype(np.int64) * (int(history.basket.max(initial=0)) + 2) + history.basket
    orders, first, row = np.unique(key, return_index=True, return_inverse=True)
    if not len(orders):
        return csr_array(shape, dtype=np.float32)
    member, day = history.member[first], history.day[first]
    ones = np.ones(len(row), np.float32)
    held = csr_array((ones, (row, history.product)), shape=(len(orders), history.products))
    next_one = np.flatnonzero(member[1:] == member[:-1])
    weight = np.exp(-(day[next_one + 1] - day[next_one]) / LAG)
    before = held[next_one]
    counts = (before.T @ (diags_array(weight.astype(np.float32)) @ held[next_one + 1])).tocsr()
    led = np.asarray(before.sum(axis=0)).ravel() + SHRINKAGE
    return strongest((diags_array((1 / led).astype(np.float32)) @ counts).tocsr())


def features(names: Sequence[str], categories: Sequence[str]) -> Any:
    """Products x words (rows of length 1): words and pairs of letters of the name, and each level of the category."""
    import numpy as np
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not len(names):
        return csr_array((0, 1), dtype=np.float32)
    made = TfidfVectorizer(analyzer=words, dtype=np.float32).fit_transform(list(zip(names, categories, strict=True)))
    return csr_array(made)


def described_alike(names: Sequence[str], categories: Sequence[str]) -> Any:
    """Likeness by description: cosine of `features`; also for products that nobody has bought yet."""
    return _neighbours(features(names, categories).T.tocsr(), 0.0)


def words(product: tuple[str, str]) -> list[str]:
    """The words that describe a product: of its name (with pairs of letters) and of its category's levels."""
    name, category = product
    found = re.findall(r"\w+", name.lower())
    pairs = [f"~{word[k : k + 2]}" for word in found for k in range(len(word) - 1)]
    levels = [f"#{level.strip()}" for level in re.split(r"[/>]", category) if level.strip()]
    return [*found, *pairs, *levels, *levels[-1:]] or ["-"]


def largest(values: "NDArray[np.float32]", keep: int) -> "NDArray[np.bool_]":
    """Where the `keep` largest entries of every row are; of equal ones those of the lower column, whatever ties."""
    import numpy as np

    keep = min(keep, values.shape[1])
    if keep <= 0:
        return np.zeros(values.shape, bool)
    edge = -np.partition(-values, keep - 1, axis=1)[:, keep - 1 : keep]
    found: NDArray[np.bool_] = values > edge
    tied = values == edge
    rows = np.flatnonzero((found | tied).sum(axis=1) > keep)
    free = keep - found[rows].sum(axis=1, keepdims=True)
    tied[rows] &= np.cumsum(tied[rows], axis=1) <= free
    return found | tied


def strongest(matrix: Any) -> Any:
    """The `NEIGHBOURS` largest positive entries of every row of a sparse matrix."""
    import numpy as np
    from scipy.sparse import csr_array, vstack

    blocks = []
    for start in range(0, matrix.shape[0], _BLOCK):
        values = matrix[start : start + _BLOCK].toarray().astype(np.float32, copy=False)
        blocks.append(csr_array(np.where(largest(values, NEIGHBOURS), np.maximum(values, 0), np.float32(0))))
    return vstack(blocks, format="csr") if blocks else csr_array(matrix.shape, dtype=np.float32)


def _neighbours(weights: Any, shrinkage: float) -> Any:
    """Cosine of columns with `shrinkage` added below; a product is no neighbour of itself."""
    import numpy as np
    from scipy.sparse import csr_array, vstack

    weights = weights.tocsc().astype(np.float32)
    norm = np.sqrt(np.asarray(weights.power(2).sum(axis=0)).ravel())
    blocks = []
    for start in range(0, weights.shape[1], _BLOCK):
        shared = (weights[:, start : start + _BLOCK].T @ weights).toarray()
        shared /= np.maximum(norm[start : start + _BLOCK, None] * norm + np.float32(shrinkage), 1e-9)
        own = np.arange(len(shared))
        shared[own, own + start] = 0
        blocks.append(csr_array(np.where(largest(shared, NEIGHBOURS), shared, np.float32(0))))
    return vstack(blocks, format="csr") if blocks else csr_array((0, 0), dtype=np.float32)
