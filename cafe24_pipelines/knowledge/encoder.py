"""Frozen encoders: BM25 term weights (sparse) and a dense model, fitted once, versioned by content.

Vectors of two fits can't be compared, so a fitted encoder stands: documents that come later are encoded by it, until
`refit_reason` says that it no longer describes the corpus. A version is saved before its pointer moves, and its id is
part of the build id of every collection encoded by it, so a reader always asks with the encoder of what it reads.

`root/versions/<version>/encoder.json, encoder.npz` (no pickle), `root/malls/<mall>.json` points to the current one.
Does not belong here: what is encoded (see `chunks.py`) and where it is stored (see `stores/vectors.py`).
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.knowledge.dense import Dense, LiteLLMDense, LsaDense, Tokens
from cafe24_pipelines.knowledge.questions import Question, understand
from cafe24_pipelines.knowledge.spelling import Speller
from cafe24_pipelines.knowledge.tokens import TOKENISER_VERSION, names_only, token_id, tokenize
from cafe24_pipelines.stores.vectors import Sparse

if TYPE_CHECKING:
    from cafe24_pipelines.knowledge.chunks import Chunk

K1 = 1.2
B = 0.75
FORMAT = "2"
MAX_CHANGED_SHARE = 0.30
"""Refit when more than this share of the chunks was not there at the fit."""
MAX_UNSEEN_SHARE = 0.05
"""Refit when more than this share of the corpus's words was never seen at the fit."""


@dataclass(frozen=True)
class Encoded:
    """One text as vectors; `dense` is None when the dense model knows nothing about it."""

    dense: tuple[float, ...] | None
    sparse: Sparse


@dataclass(frozen=True)
class Encoder:
    """A frozen encoder. `fitted_on` are the content hashes of the chunks it was fitted on, `vocabulary` their words
    with the number of chunks that have each, `tokeniser` the version of the rules that made the words.
    """

    version: str
    mean_length: float
    dense: Dense
    vocabulary: dict[str, int]
    fitted_on: frozenset[str]
    embedding_model: str = ""
    tokeniser: str = TOKENISER_VERSION

    @property
    def size(self) -> int:
        """Dense dimensions."""
        return self.dense.size

    @cached_property
    def speller(self) -> Speller:
        """Finds the corpus's words near to mistyped ones."""
        return Speller(self.vocabulary)

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Document vectors: term frequencies saturated as in BM25 (the engine multiplies by IDF), and dense ones."""
        if not texts:
            return []
        tokens = tokenize(texts)
        vectors = self.dense.embed(texts, tokens)
        return [
            Encoded(_vector(row), _sparse(self._saturated(words))) for row, words in zip(vectors, tokens, strict=True)
        ]

    def encode_query(self, text: str) -> Encoded:
        """Query vectors: every distinct token weighs 1. A bare path or field name is looked up by words alone.

        Raises:
            ConfigError: an embedding model is configured and does not answer.
        """
        tokens = tokenize([text])
        sparse = _sparse(dict.fromkeys(tokens[0], 1.0))
        if names_only(text):
            return Encoded(None, sparse)
        return Encoded(_vector(self.dense.embed([text], tokens)[0]), sparse)

    def encode_question(self, text: str) -> tuple[Question, Encoded]:
        """A question as `questions.understand` takes it, and its vectors, mended and renamed words among them.

        Raises:
            ConfigError: an embedding model is configured and does not answer.
        """
        asked = understand(text, self.speller)
        sparse = _sparse({**dict.fromkeys(asked.words, 1.0), **asked.also})
        if asked.exact:
            return asked, Encoded(None, sparse)
        tokens = (*asked.words, *asked.also)
        return asked, Encoded(_vector(self.dense.embed([text], [tokens])[0]), sparse)

    def _saturated(self, words: Tokens) -> dict[str, float]:
        norm = K1 * (1 - B + B * len(words) / self.mean_length)
        return {token: count * (K1 + 1) / (count + norm) for token, count in Counter(words).items()}


def refit_reason(encoder: Encoder, chunks: Sequence["Chunk"], embedding_model: str = "") -> str:
    """Why the encoder no longer fits these chunks; "" while it stands. The one place of this policy.

    It stands while the embedding model and the tokeniser are the same, at most 30 % of the chunks came or changed
    since the fit, and at most 5 % of the corpus's words (estimated by the mean length at the fit) were never seen.
    """
    if encoder.embedding_model != embedding_model:
        return f"the embedding model is now {embedding_model or 'the built-in one'}"
    if encoder.tokeniser != TOKENISER_VERSION:
        return f"the words are made by other rules now (tokeniser {TOKENISER_VERSION})"
    fresh = [chunk.search_text for chunk in chunks if chunk.content_hash not in encoder.fitted_on]
    if len(fresh) > MAX_CHANGED_SHARE * len(chunks):
        return f"{len(fresh)} of {len(chunks)} chunks came after the fit"
    unseen = sum(token not in encoder.vocabulary for words in tokenize(fresh) for token in words)
    if unseen > MAX_UNSEEN_SHARE * encoder.mean_length * len(chunks):
        return f"{unseen} words were never seen at the fit"
    return ""


class EncoderStore:
    """Fitted encoders under `root`; one is current for each mall. Malls with equal documents share a version.

    `api_base` and `api_key` are for a LiteLLM embedding model; they are kept in memory only.
    """

    def __init__(self, root: Path, *, api_base: str = "", api_key: str = "") -> None:
        self.root = root
        self._api = {"api_base": api_base, "api_key": api_key}
        self._loaded: dict[str, Encoder] = {}

    def current(self, mall_id: str) -> Encoder | None:
        """The mall's standing encoder, or None before the first fit (or when its files are gone)."""
        version = self._pointer(mall_id)["current"]
        return self.load(version) if version and (self._folder(version) / "encoder.json").exists() else None

    def load(self, version: str) -> Encoder:
        """The encoder of that version.

        Raises:
            NotBuilt: this home does not have it.
        """
        if version not in self._loaded:
            self._loaded[version] = self._read(version)
        return self._loaded[version]

    def fit(self, chunks: Sequence["Chunk"], *, embedding_model: str = "") -> Encoder:
        """Fit on these chunks and save; the same content gives the same version, and is not saved twice.

        Raises:
            ValueError: there is no chunk.
            ConfigError: the embedding model does not answer.
        """
        from cafe24_pipelines.stores.digest import text_digest

        corpus = {chunk.content_hash: chunk.search_text for chunk in chunks}
        if not corpus:
            raise ValueError("an encoder can't be fitted on nothing")
        hashes = sorted(corpus)  # independent of mall and of the order of documents
        tokens = [words or ("",) for words in tokenize([corpus[h] for h in hashes])]
        dense: Dense = LiteLLMDense.connect(embedding_model, **self._api) if embedding_model else LsaDense.fit(tokens)
        content = text_digest(
            FORMAT, TOKENISER_VERSION, str(K1), str(B), embedding_model, *("\x1f".join(words) for words in tokens)
        )
        encoder = Encoder(
            version=f"{'llm' if embedding_model else 'lsa'}{dense.size}-{content[:12]}",
            mean_length=sum(map(len, tokens)) / len(tokens),
            dense=dense,
            vocabulary=dict(sorted(Counter(token for words in tokens for token in set(words)).items())),
            fitted_on=frozenset(hashes),
            embedding_model=embedding_model,
            tokeniser=TOKENISER_VERSION,
        )
        self._save(encoder)
        self._loaded[encoder.version] = encoder
        return encoder

    def hold(self, mall_id: str, version: str) -> None:
        """Keep a version that is about to be published, though it is not current yet."""
        pointer = self._pointer(mall_id)
        if version != pointer["current"] and version not in pointer["kept"]:
            self._write_pointer(mall_id, {**pointer, "kept": [*pointer["kept"], version]})

    def point(self, mall_id: str, version: str) -> None:
        """Make it the mall's current encoder; the one before is kept for its readers, others are cleared."""
        before = self._pointer(mall_id)["current"]
        if before == version:
            return
        self._write_pointer(mall_id, {"current": version, "kept": [before] if before else []})
        self._clear()

    # -- inside ----------------------------------------------------------------------------------------------

    def _folder(self, version: str) -> Path:
        return self.root / "versions" / version

    def _pointer(self, mall_id: str) -> dict[str, Any]:
        try:
            return json.loads((self.root / "malls" / f"{mall_id}.json").read_text())
        except FileNotFoundError:
            return {"current": "", "kept": []}

    def _write_pointer(self, mall_id: str, pointer: dict[str, Any]) -> None:
        from cafe24_pipelines.stores.files import write_atomic

        write_atomic(self.root / "malls" / f"{mall_id}.json", json.dumps(pointer))

    def _save(self, encoder: Encoder) -> None:
        """Arrays first, the JSON last: a version counts once its JSON is there."""
        import io

        import numpy as np

        from cafe24_pipelines.stores.files import write_atomic

        folder = self._folder(encoder.version)
        if (folder / "encoder.json").exists():
            return
        arrays: dict[str, Any] = {"frequencies": np.array(list(encoder.vocabulary.values()), dtype=np.uint32)}
        head = {
            "version": encoder.version, "mean_length": encoder.mean_length, "size": encoder.size,
            "embedding_model": encoder.embedding_model, "fitted_on": sorted(encoder.fitted_on),
            "tokeniser": encoder.tokeniser, "vocabulary": list(encoder.vocabulary),
        }  # fmt: skip
        if isinstance(encoder.dense, LsaDense):
            arrays |= {"idf": encoder.dense.idf, "components": encoder.dense.components}
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        write_atomic(folder / "encoder.npz", buffer.getvalue())
        write_atomic(folder / "encoder.json", json.dumps(head, ensure_ascii=False))

    def _read(self, version: str) -> Encoder:
        import numpy as np

        folder = self._folder(version)
        try:
            head = json.loads((folder / "encoder.json").read_text())
            with np.load(folder / "encoder.npz", allow_pickle=False) as arrays:
                stored = dict(arrays)
        except (OSError, ValueError, KeyError) as e:
            raise NotBuilt(
                f"the encoder {version} can't be read", where=str(folder), remedy="run `cafe24 rebuild vectors`"
            ) from e
        model = head["embedding_model"]
        dense: Dense = (
            LiteLLMDense(model, head["size"], **self._api)
            if model
            else LsaDense({t: i for i, t in enumerate(head["vocabulary"])}, stored["idf"], stored["components"])
        )
        words = head.get("vocabulary", [])
        frequencies = stored["frequencies"].tolist() if "frequencies" in stored else [1] * len(words)
        return Encoder(
            version, head["mean_length"], dense, dict(zip(words, frequencies, strict=True)),
            frozenset(head["fitted_on"]), model, head.get("tokeniser", ""),
        )  # fmt: skip

    def _clear(self) -> None:
        used: set[str] = set()
        for path in (self.root / "malls").glob("*.json"):
            pointer = json.loads(path.read_text())
            used |= {pointer["current"], *pointer["kept"]}
        for folder in (self.root / "versions").iterdir():
            if folder.name not in used:
                shutil.rmtree(folder, ignore_errors=True)


def _vector(row: Iterable[float]) -> tuple[float, ...] | None:
    values = tuple(float(x) for x in row)
    return values if any(values) else None


def _sparse(weights: dict[str, float]) -> Sparse:
    """By ascending id; tokens that share an id add up."""
    merged: dict[int, float] = {}
    for token, weight in weights.items():
        key = token_id(token)
        merged[key] = merged.get(key, 0.0) + weight
    ordered = sorted(merged.items())
    return Sparse(tuple(k for k, _ in ordered), tuple(v for _, v in ordered))
