"""The retrievers that `benchmarks.retrieval` compares, all over the same chunks of the packaged documents.

Each takes a question and a number and names so many documents; a document's score is that of its best chunk, equal
scores go by id, and what shares nothing with the question is left out. Does not belong here: questions and metrics
(see `cafe24_pipelines/knowledge/evaluation.py`), speed (see `retrieval_speed.py`).
"""

import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.rival_embeddings import rival
from cafe24_pipelines.knowledge.documents import documents_table, load_documents
from cafe24_pipelines.knowledge.encoder import K1, B, EncoderStore
from cafe24_pipelines.knowledge.evaluation import Search
from cafe24_pipelines.names import API_DOCS, CRM_KNOWLEDGE

if TYPE_CHECKING:
    import numpy as np

    from cafe24_pipelines.knowledge.search import Retriever
    from cafe24_pipelines.stores.vectors import VectorStore

MALL: Final = "bench"
GRAMS: Final = (2, 4)
CHUNKS: Final = 160
"""How many chunks a side alone is asked for, so that ten documents are among them."""
PUNCTUATION: Final = string.punctuation + "…·“”‘’"

Scores = Callable[[str], "np.ndarray"]
Tokenise = Callable[[Sequence[str]], Sequence[Sequence[str]]]


@dataclass(frozen=True)
class Corpus:
    """The chunks: what is searched in each, and of which document it is."""

    texts: list[str]
    documents: list[str]


@dataclass(frozen=True)
class Home:
    """The packaged documents as a mall publishes them, in the embedded vector store."""

    vectors: "VectorStore"
    encoders: EncoderStore

    @property
    def retriever(self) -> "Retriever":
        """The product's own."""
        from cafe24_pipelines.knowledge.search import Retriever

        return Retriever(self.vectors, self.encoders, MALL)


def corpus(*, sayings: bool = False) -> Corpus:
    """Every chunk of every packaged document, with title, headings, endpoint and tags, as ours is encoded.

    `sayings` adds the chunks of what people say for a document, which come from our ontology.
    """
    from cafe24_pipelines.knowledge.chunks import chunk_documents

    chunks = [chunk for chunk in chunk_documents(MALL, load_documents()) if sayings or not chunk.said]
    return Corpus([chunk.search_text for chunk in chunks], [chunk.document.document_id for chunk in chunks])


def publish(folder: Path) -> Home:
    """Land and publish the packaged documents in a new home."""
    from cafe24_pipelines.knowledge.index import publish_documents
    from cafe24_pipelines.stores.lake import Lake
    from cafe24_pipelines.stores.vectors_embedded import EmbeddedVectors

    lake = Lake(folder / "lake").mall(MALL)
    lake.land("documents", documents_table(load_documents()), snapshot=True)
    home = Home(EmbeddedVectors(folder / "vectors"), EncoderStore(folder / "encoders"))
    publish_documents(lake, home.vectors, home.encoders)
    return home


# -- ours --------------------------------------------------------------------------------------------------------


def hybrid(home: Home) -> Search:
    """The product's retriever, over all collections."""
    retriever = home.retriever
    return lambda question, limit: [found.document_id for found in retriever.search(question, limit=limit)]


def sparse_alone(home: Home) -> Search:
    """By the published sparse vectors alone, with the question understood as the product does; IDF per collection."""
    encoder = _encoder(home)

    def search(question: str, limit: int) -> list[str]:
        return _one_side(home, limit, dense=None, sparse=encoder.encode_question(question)[1].sparse)

    return search


def dense_alone(home: Home) -> Search:
    """By the published dense vectors alone, likewise; bare names, which the product looks up by words only, too."""
    from cafe24_pipelines.knowledge.tokens import tokenize

    encoder = _encoder(home)

    def search(question: str, limit: int) -> list[str]:
        asked = encoder.encode_question(question)[1].dense
        if asked is None:
            row = encoder.dense.embed([question], tokenize([question]))[0]
            asked = tuple(map(float, row)) if row.any() else None
        return [] if asked is None else _one_side(home, limit, dense=asked, sparse=None)

    return search


def _one_side(home: Home, limit: int, **query: Any) -> list[str]:
    if query["dense"] is None and not query["sparse"].indices:
        return []
    hits = [
        hit
        for name in (API_DOCS, CRM_KNOWLEDGE)
        for hit in home.vectors.search(MALL, name, limit=CHUNKS, encoder=_encoder(home).version, **query)
    ]
    ordered = sorted(hits, key=lambda hit: (-hit.score, hit.point_id))
    return list(dict.fromkeys(hit.payload["document_id"] for hit in ordered))[:limit]


def _encoder(home: Home) -> Any:
    encoder = home.encoders.current(MALL)
    if encoder is None:
        raise SystemExit("the documents were not published")
    return encoder


# -- others ------------------------------------------------------------------------------------------------------


def whitespace(texts: Sequence[str]) -> list[list[str]]:
    """Words between blanks, in lower case, without punctuation around them."""
    words = [[word.strip(PUNCTUATION) for word in text.lower().split()] for text in texts]
    return [[word for word in found if word] for found in words]


def bm25(given: Corpus, tokenise: Tokenise) -> Search:
    """BM25 with the k1 and b of ours and the IDF of the engine: log(1 + (N - n + 0.5) / (n + 0.5))."""
    import numpy as np
    from scipy.sparse import csc_matrix

    counts = [Counter(words) for words in tokenise(given.texts)]
    vocabulary = {word: i for i, word in enumerate(sorted({word for words in counts for word in words}))}
    rows = [(i, vocabulary[word], n) for i, words in enumerate(counts) for word, n in words.items()]
    row, column, frequency = (np.array(part) for part in zip(*rows, strict=True))
    lengths = np.array([words.total() for words in counts])
    found_in = np.bincount(column, minlength=len(vocabulary))
    idf = np.log(1 + (len(counts) - found_in + 0.5) / (found_in + 0.5))
    norm = K1 * (1 - B + B * lengths / lengths.mean())
    weights = idf[column] * frequency * (K1 + 1) / (frequency + norm[row])
    matrix = csc_matrix((weights, (row, column)), shape=(len(counts), len(vocabulary)))

    def scores(question: str) -> "np.ndarray":
        asked = [vocabulary[word] for word in dict.fromkeys(tokenise([question])[0]) if word in vocabulary]
        return np.asarray(matrix[:, asked].sum(axis=1)).ravel()

    return _by_best_chunk(given, scores)


def ngrams(given: Corpus) -> Search:
    """TF-IDF (sublinear) over 2 to 4 characters, across word boundaries, by cosine."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    tfidf = TfidfVectorizer(analyzer="char", ngram_range=GRAMS, sublinear_tf=True, lowercase=True)
    matrix = tfidf.fit_transform(given.texts)
    return _by_best_chunk(given, lambda question: (matrix @ tfidf.transform([question]).T).toarray().ravel())


def minilm(given: Corpus, questions: Sequence[str]) -> Search:
    """all-MiniLM-L6-v2 by cosine; it only knows the questions that it is given here.

    Raises:
        rival.NotHere: the model can't be had on this machine.
    """
    asked = dict(zip(questions, rival.embed(questions), strict=True))
    passages = rival.embed(given.texts)
    return _by_best_chunk(given, lambda question: passages @ asked[question])


def _by_best_chunk(given: Corpus, scores: Scores) -> Search:
    def search(question: str, limit: int) -> list[str]:
        best: dict[str, float] = {}
        for document, score in zip(given.documents, scores(question).tolist(), strict=True):
            if score > best.get(document, 0.0):
                best[document] = score
        return sorted(best, key=lambda document: (-best[document], document))[:limit]

    return search
