"""Encoders are frozen, versioned by content, and refitted by one stated policy."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest

from benchmarks.loopback import handled
from cafe24_pipelines.errors import ConfigError, NotBuilt
from cafe24_pipelines.knowledge.chunks import Chunk, chunk_documents
from cafe24_pipelines.knowledge.documents import Document
from cafe24_pipelines.knowledge.encoder import K1, B, EncoderStore, refit_reason
from cafe24_pipelines.knowledge.tokens import token_id, tokenize

TOPICS = {
    "쿠폰": "쿠폰을 발급하고 할인 혜택을 준다",
    "배송": "배송 송장을 등록하고 택배를 추적한다",
    "회원": "회원 등급을 나누고 단골 고객을 관리한다",
    "재고": "상품 재고 수량을 바꾸고 품절을 알린다",
}


def document(number: int, body: str = "") -> Document:
    topic = list(TOPICS)[number % 4]
    text = body or f"{TOPICS[topic]}. {topic} 안내 {number}번 글이다."
    return Document(f"d{number}", "cafe24_crm_knowledge", "article", f"{topic} 글 {number}", text, "ko", "test")


def corpus(count: int = 24, *, mall: str = "m") -> list[Chunk]:
    return chunk_documents(mall, [document(i) for i in range(count)])


def test_the_same_corpus_gives_the_same_version_and_the_same_bytes(tmp_path: Path) -> None:
    first = EncoderStore(tmp_path / "a").fit(corpus())
    second = EncoderStore(tmp_path / "b").fit(list(reversed(corpus(mall="other"))))
    assert first.version == second.version
    assert first.version.startswith(f"lsa{first.size}-")
    for name in ("encoder.npz", "encoder.json"):
        files = [(tmp_path / home / "versions" / first.version / name).read_bytes() for home in "ab"]
        assert files[0] == files[1]
    assert EncoderStore(tmp_path / "c").fit(corpus(25)).version != first.version


def test_a_saved_encoder_encodes_exactly_like_the_fitted_one(tmp_path: Path) -> None:
    fitted = EncoderStore(tmp_path).fit(corpus())
    loaded = EncoderStore(tmp_path).load(fitted.version)
    texts = ["쿠폰 할인", "배송 조회 /api/v2/admin/orders", "처음 보는 낱말 크로와상"]
    assert loaded.encode(texts) == fitted.encode(texts)
    assert loaded.encode_query(texts[0]) == fitted.encode_query(texts[0])
    assert (loaded.fitted_on, loaded.vocabulary, loaded.size) == (fitted.fitted_on, fitted.vocabulary, fitted.size)


def test_sparse_weights_are_bm25_without_idf(tmp_path: Path) -> None:
    chunks = corpus()
    encoder = EncoderStore(tmp_path).fit(chunks)
    text = "쿠폰 쿠폰 쿠폰 배송"
    weights = encoder.encode([text])[0].sparse
    sparse = dict(zip(weights.indices, weights.values, strict=True))
    mean = np.mean([len(words) for words in tokenize([c.search_text for c in chunks])])
    norm = K1 * (1 - B + B * 4 / mean)
    assert sparse[token_id("쿠폰")] == pytest.approx(3 * (K1 + 1) / (3 + norm))
    assert sparse[token_id("배송")] == pytest.approx(1 * (K1 + 1) / (1 + norm))
    query = encoder.encode_query(text).sparse
    assert set(query.values) == {1.0}
    assert list(query.indices) == sorted(query.indices)


def test_dense_vectors_are_unit_long_and_close_by_topic(tmp_path: Path) -> None:
    chunks = corpus()
    encoder = EncoderStore(tmp_path).fit(chunks)
    vectors = np.array([e.dense for e in encoder.encode([c.search_text for c in chunks])])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(chunks)), abs=1e-5)
    query = np.array(encoder.encode_query("송장 등록").dense)
    best = chunks[int((vectors @ query).argmax())]
    assert best.document.title.startswith("배송")


def test_what_the_dense_model_does_not_know_is_none_not_noise(tmp_path: Path) -> None:
    encoder = EncoderStore(tmp_path).fit(corpus())
    assert encoder.encode_query("크로와상").dense is None
    assert encoder.encode_query("").sparse.indices == ()
    assert encoder.encode_query("member_id").dense is None


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_tiny_corpus_is_enough(tmp_path: Path, count: int) -> None:
    encoder = EncoderStore(tmp_path).fit(corpus(count))
    assert 1 <= encoder.size <= max(1, count - 1)
    assert encoder.encode_query("쿠폰").dense is not None


def test_an_encoder_is_not_fitted_on_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing"):
        EncoderStore(tmp_path).fit([])


def test_the_policy_names_each_reason_to_refit_and_none_for_little_change(tmp_path: Path) -> None:
    encoder = EncoderStore(tmp_path).fit(corpus(24))
    assert refit_reason(encoder, corpus(24)) == ""
    assert refit_reason(encoder, corpus(30)) == ""
    assert "chunks came after" in refit_reason(encoder, corpus(40))
    strange = document(99, " ".join(f"newword{i}" for i in range(60)))
    assert "never seen" in refit_reason(encoder, [*corpus(24), *chunk_documents("m", [strange])])
    assert "embedding model" in refit_reason(encoder, corpus(24), "openai/other")


def test_versions_are_kept_while_a_mall_points_to_them_holds_them_or_has_just_left_them(tmp_path: Path) -> None:
    store = EncoderStore(tmp_path)
    a, b, c = (store.fit(corpus(n)).version for n in (8, 12, 16))

    def kept() -> set[str]:
        return {folder.name for folder in (tmp_path / "versions").iterdir()}

    store.hold("m", a)
    assert store.current("m") is None
    store.hold("other", b)
    store.hold("third", c)
    store.point("m", a)
    assert kept() == {a, b, c}
    store.point("m", b)
    store.point("third", b)
    assert kept() == {a, b}
    current = EncoderStore(tmp_path).current("m")
    assert current is not None
    assert current.version == b
    store.point("other", b)
    store.hold("m", store.fit(corpus(20)).version)
    assert a in kept()


def test_a_missing_or_damaged_encoder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotBuilt, match="rebuild vectors"):
        EncoderStore(tmp_path).load("lsa8-000000000000")
    version = EncoderStore(tmp_path).fit(corpus(8)).version
    (tmp_path / "versions" / version / "encoder.npz").write_bytes(b"PK not a zip")
    with pytest.raises(NotBuilt, match="can't be read"):
        EncoderStore(tmp_path).load(version)


# -- any embedding model through LiteLLM, against a server that speaks the OpenAI protocol --


@dataclass
class Embeddings:
    """A local embeddings server: four numbers that count characters; `asked` keeps the batches."""

    url: str = ""
    asked: list[list[str]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)


@pytest.fixture
def embeddings() -> Iterator[Embeddings]:
    state = Embeddings()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
            state.asked.append(texts)
            state.keys.add(self.headers.get("Authorization", ""))
            rows = [
                {"object": "embedding", "index": i, "embedding": [float(t.count(c)) + 0.1 for c in "쿠배회재"]}
                for i, t in enumerate(texts)
            ]
            answer = {
                "object": "list",
                "data": rows[::-1],
                "model": "m",
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
            }
            raw = json.dumps(answer).encode()
            self.send_response(200 if self.path.endswith("/embeddings") else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None: ...

    with handled(Handler) as httpd:
        state.url = f"http://127.0.0.1:{httpd.server_port}/v1"
        yield state


def test_an_embedding_model_gives_dense_vectors_and_its_key_is_never_stored(
    tmp_path: Path, embeddings: Embeddings
) -> None:
    store = EncoderStore(tmp_path, api_base=embeddings.url, api_key="sk-secret-value")
    chunks = corpus(70)
    encoder = store.fit(chunks, embedding_model="openai/tiny")
    assert encoder.version.startswith("llm4-")
    encoded = encoder.encode([c.search_text for c in chunks])
    assert [len(batch) for batch in embeddings.asked] == [1, 64, 6]
    assert embeddings.keys == {"Bearer sk-secret-value"}
    assert np.linalg.norm(encoded[0].dense or ()) == pytest.approx(1.0, abs=1e-5)
    assert int(np.argmax(encoder.encode_query("배배배").dense or ())) == 1, "answers come in the order asked"
    assert encoded[0].sparse.indices
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"sk-secret" not in stored
    again = EncoderStore(tmp_path, api_base=embeddings.url, api_key="k").load(encoder.version)
    assert again.encode_query("쿠폰") == encoder.encode_query("쿠폰")


def test_a_model_that_does_not_answer_is_a_setting_to_mend(tmp_path: Path) -> None:
    store = EncoderStore(tmp_path, api_base="http://127.0.0.1:9/v1", api_key="k")
    with pytest.raises(ConfigError, match="EMBEDDING_MODEL"):
        store.fit(corpus(8), embedding_model="openai/tiny")
