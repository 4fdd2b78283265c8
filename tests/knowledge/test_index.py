"""Publishing: only changed chunks are encoded, vanished ones go, equal content publishes nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.knowledge.documents import Document, documents_table
from cafe24_pipelines.knowledge.encoder import Encoded, Encoder, EncoderStore
from cafe24_pipelines.knowledge.index import IndexReport, encoder_of, publish_documents, publish_texts
from cafe24_pipelines.knowledge.search import Retriever
from cafe24_pipelines.names import API_DOCS, CRM_KNOWLEDGE, INSIGHTS
from cafe24_pipelines.stores.lake import Lake, MallLake
from cafe24_pipelines.stores.vectors_embedded import EmbeddedVectors

WORDS = ["쿠폰", "배송", "회원", "재고", "환불", "교환", "적립금", "장바구니", "리뷰", "매출"]


def api(number: int, word: str = "") -> Document:
    name = word or WORDS[number % 10]
    path = f"/api/v2/admin/{number}things"
    body = f"{name} 정보를 조회한다.\n\n## 응답\n\n{name} {number}번을 돌려준다.\n\n## 오류\n\n권한이 없다."
    return Document(
        f"GET {path}", API_DOCS, "endpoint", f"{name} 조회 {number}", body, "ko", "api", "things", "GET", path
    )


def article(number: int) -> Document:
    name = WORDS[number % 10]
    return Document(
        f"a{number}", CRM_KNOWLEDGE, "article", f"{name} 이야기", f"{name} 고객을 {number}번 만난다.", "ko", "crm"
    )


def insight(number: int) -> Document:
    return Document(
        f"i{number}", INSIGHTS, "insight", "발견", f"{WORDS[number]} 매출이 {number}배이다.", "ko", "pattern"
    )


DOCS = [*(api(i) for i in range(20)), *(article(i) for i in range(10))]


class House:
    """A home with a lake, vectors and encoders, that publishes what it is given."""

    def __init__(self, root: Path, mall: str = "m") -> None:
        self.mall = mall
        self.lake: MallLake = Lake(root / "lake").mall(mall)
        self.vectors = EmbeddedVectors(root / "vectors")
        self.encoders = EncoderStore(root / "encoders")

    def publish(self, documents: list[Document], *, refit: bool = False) -> dict[str, IndexReport]:
        self.lake.land("documents", documents_table(documents), snapshot=True)
        reports = publish_documents(self.lake, self.vectors, self.encoders, refit=refit)
        return {report.collection: report for report in reports}

    def insights(self, documents: list[Document]) -> IndexReport:
        return publish_texts(self.mall, INSIGHTS, documents, self.vectors, self.encoders)

    def version(self) -> str:
        encoder = self.encoders.current(self.mall)
        return encoder.version if encoder else ""


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_the_first_publication_encodes_everything(house: House) -> None:
    reports = house.publish(DOCS)
    assert list(reports) == [API_DOCS, CRM_KNOWLEDGE]
    assert (reports[API_DOCS].points, reports[API_DOCS].encoded, reports[API_DOCS].changed) == (60, 60, True)
    assert house.vectors.counts("m") == {API_DOCS: 60, CRM_KNOWLEDGE: 10}
    assert house.vectors.published("m", API_DOCS)[1] == reports[API_DOCS].digest  # type: ignore[index]


def test_equal_content_is_not_published_again(house: House) -> None:
    first = house.publish(DOCS)
    before = (house.vectors.root / "m" / API_DOCS / "current.json").stat().st_mtime_ns
    again = house.publish(list(reversed(DOCS)))
    assert not any(report.changed or report.encoded for report in again.values())
    assert [r.digest for r in again.values()] == [r.digest for r in first.values()]
    assert (house.vectors.root / "m" / API_DOCS / "current.json").stat().st_mtime_ns == before


def test_one_edited_document_encodes_only_its_changed_chunks(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.publish(DOCS)
    published = house.vectors.points("m", API_DOCS)
    encoded: list[str] = []
    encode = Encoder.encode

    def spy(self: Encoder, texts: list[str]) -> list[Encoded]:
        encoded.extend(texts)
        return encode(self, texts)

    monkeypatch.setattr(Encoder, "encode", spy)
    edited = replace(DOCS[3], body=DOCS[3].body.replace("권한이 없다", "한도를 넘었다"))
    reports = house.publish([*DOCS[:3], edited, *DOCS[4:]])
    assert (reports[API_DOCS].encoded, reports[API_DOCS].reused, reports[API_DOCS].removed) == (1, 59, 1)
    assert len(encoded) == 1
    assert "한도를 넘었다" in encoded[0]
    assert not reports[CRM_KNOWLEDGE].changed
    now = house.vectors.points("m", API_DOCS)
    kept = published.keys() & now.keys()
    assert len(kept) == 59
    assert all(list(now[k].dense) == pytest.approx(list(published[k].dense), abs=1e-6) for k in kept)
    assert all(now[k].sparse == published[k].sparse for k in kept)


def test_a_vanished_document_is_gone_from_search(house: House) -> None:
    house.publish(DOCS)
    reports = house.publish(DOCS[1:])
    assert reports[API_DOCS].removed == 3
    assert DOCS[0].document_id not in {p.payload["document_id"] for p in house.vectors.points("m", API_DOCS).values()}
    found = Retriever(house.vectors, house.encoders, "m").search(DOCS[0].document_id, collection=API_DOCS)
    assert DOCS[0].document_id not in {f.document_id for f in found}


def test_two_fresh_homes_agree_and_so_does_an_edited_one(tmp_path: Path) -> None:
    one, two, edited = House(tmp_path / "1"), House(tmp_path / "2"), House(tmp_path / "3")
    first = one.publish(DOCS)
    second = two.publish(list(reversed(DOCS)))
    edited.publish(DOCS[:-1])
    third = edited.publish(DOCS)
    assert first == second
    assert one.vectors.points("m", API_DOCS) == two.vectors.points("m", API_DOCS)
    assert [r.digest for r in third.values()] == [r.digest for r in first.values()]


def test_the_encoder_stands_for_a_small_change_and_refits_for_a_large_one(house: House) -> None:
    house.publish(DOCS)
    version = house.version()
    house.publish([*DOCS, api(77)])
    assert house.version() == version
    reports = house.publish([*DOCS, *(api(i, "구독") for i in range(100, 130))])
    assert house.version() != version
    assert reports[API_DOCS].reused == 0
    assert {encoder_of(house.vectors.published("m", c)[0]) for c in (API_DOCS, CRM_KNOWLEDGE)} == {house.version()}  # type: ignore[index]


def test_a_refit_encodes_insights_too_and_leaves_the_digests(house: House) -> None:
    first = house.publish(DOCS)
    insights = house.insights([insight(1), insight(2)])
    assert insights.encoder_version == house.version()
    house.publish([*DOCS, api(77), api(78)])
    version = house.version()
    house.publish(DOCS)
    reports = house.publish([*DOCS, api(77)], refit=True)
    assert house.version() != version
    build_id, digest = house.vectors.published("m", INSIGHTS) or ("", "")
    assert encoder_of(build_id) == house.version()
    assert digest == insights.digest
    assert reports[CRM_KNOWLEDGE].digest == first[CRM_KNOWLEDGE].digest
    assert not house.insights([insight(2), insight(1)]).changed
    assert Retriever(house.vectors, house.encoders, "m").search("쿠폰 매출", collection=INSIGHTS)


def test_other_rules_of_the_tokeniser_are_a_refit(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.publish(DOCS)
    before = house.version()
    for module in ("encoder", "index"):
        monkeypatch.setattr(f"cafe24_pipelines.knowledge.{module}.TOKENISER_VERSION", "next")
    assert all(report.changed for report in house.publish(DOCS).values()) and house.version() != before
    assert not any(report.changed for report in house.publish(DOCS).values())


def test_a_refit_cut_short_leaves_every_collection_readable(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.publish(DOCS)
    house.insights([insight(1)])
    publish = EmbeddedVectors.publish

    def dies_at_articles(self: EmbeddedVectors, mall: str, collection: str, *args: object, **kw: object) -> int:
        if collection == CRM_KNOWLEDGE:
            raise KeyboardInterrupt
        return publish(self, mall, collection, *args, **kw)  # type: ignore[arg-type]

    monkeypatch.setattr(EmbeddedVectors, "publish", dies_at_articles)
    more = [*DOCS, api(77)]
    with pytest.raises(KeyboardInterrupt):
        house.publish(more, refit=True)
    monkeypatch.undo()
    encoders = EncoderStore(house.encoders.root)
    for collection in (API_DOCS, CRM_KNOWLEDGE, INSIGHTS):
        assert Retriever(house.vectors, encoders, "m").search("쿠폰 고객 매출", collection=collection)
    house.publish(more)
    versions = {
        encoder_of((house.vectors.published("m", c) or ("", ""))[0]) for c in (API_DOCS, CRM_KNOWLEDGE, INSIGHTS)
    }
    assert versions == {house.version()}


def test_insights_before_any_document_and_without_any(house: House) -> None:
    assert house.insights([]) == IndexReport(INSIGHTS, 0, 0, 0, 0, "", house.insights([]).digest, False)
    assert house.insights([insight(1), insight(2)]).encoded == 2
    assert house.insights([]).removed == 2
    assert house.vectors.counts("m") == {INSIGHTS: 0}


def test_a_mall_without_documents_publishes_nothing(house: House) -> None:
    reports = publish_documents(house.lake, house.vectors, house.encoders)
    assert [(r.points, r.changed) for r in reports] == [(0, False), (0, False)]
    assert house.vectors.counts("m") == {}


def test_lost_encoder_files_are_fitted_again(house: House) -> None:
    import shutil

    first = house.publish(DOCS)
    shutil.rmtree(house.encoders.root)
    house.encoders = EncoderStore(house.encoders.root)
    again = house.publish(DOCS)
    assert again[API_DOCS].encoder_version == first[API_DOCS].encoder_version
    assert Retriever(house.vectors, house.encoders, "m").search("쿠폰")


def test_a_newly_configured_embedding_model_is_asked_even_for_equal_content(house: House, tmp_path: Path) -> None:
    first = house.publish(DOCS)
    nobody_there = EncoderStore(house.encoders.root, api_base="http://127.0.0.1:9/v1", api_key="k")
    with pytest.raises(ConfigError, match="EMBEDDING_MODEL"):
        publish_documents(house.lake, house.vectors, nobody_there, embedding_model="openai/other")
    assert house.version() == first[API_DOCS].encoder_version
    assert not any(report.changed for report in house.publish(DOCS).values())
