"""Small documents, verified answers and patterns to build data sets from."""

from typing import Any

import pytest

from cafe24_pipelines.answers.verified import VerifiedAnswer
from cafe24_pipelines.discovery.patterns import Effect, Evidence, Pattern
from cafe24_pipelines.knowledge.documents import Document
from cafe24_pipelines.names import API_DOCS, CRM_KNOWLEDGE


class Sources:
    """Builders with defaults for what a test doesn't care about."""

    def endpoint(self, path: str, name: str, body: str = "", method: str = "GET") -> Document:
        """One operation of the Admin API."""
        body = body or (
            f"# {name} ({path})\n\n`{method} /api/v2/admin/{path}` 호출은 {name} 작업을 합니다.\n\n"
            f"## 언제 쓰나\n\n{name} 결과가 필요할 때 씁니다.\n\n"
            f"## 권한과 한도\n\n- 권한: `mall.read_{path}`\n\n## 나만의 제목\n\n{path} 이야기입니다."
        )
        key = f"{method} /api/v2/admin/{path}"
        return Document(
            key, API_DOCS, "endpoint", f"{name} ({path})", body, "ko", "docs", path=f"/api/v2/admin/{path}"
        )

    def article(self, slug: str, title: str, body: str) -> Document:
        """One article on CRM."""
        return Document(slug, CRM_KNOWLEDGE, "article", title, body, "ko", "article")

    def answer(
        self, question: str, answer: str, source_id: str, kind: str = "computed", *cited: str
    ) -> VerifiedAnswer:
        """One verified answer."""
        return VerifiedAnswer(question, answer, kind, (), tuple({"id": c} for c in cited), source_id, "query")

    def pattern(self, key: str = "p1", status: str = "confirmed", **more: Any) -> Pattern:
        """One finding."""
        effect = (
            Effect("재구매율 차이", 0.123456, 0.05, 0.2)
            if status == "confirmed"
            else Effect("차이", None, None, None)
        )
        values: dict[str, Any] = {
            "id": key, "detector": "d", "kind": "cross_domain", "title": "리뷰를 쓴 고객이 더 자주 다시 삽니다",
            "status": status, "effect": effect, "p": 0.001, "q": 0.0123, "n": 1234,
            "evidence": Evidence("SELECT 1", [{"member_key": "0123456789abcdef0123456789abcdef"}]),
            "action": "리뷰를 부탁해 보세요.", "discovered_at": "2026-01-01T00:00:00+00:00", "summary": "",
        }  # fmt: skip
        return Pattern(**(values | more))


@pytest.fixture(scope="session")
def sources() -> Sources:
    """Builders of sources."""
    return Sources()


@pytest.fixture(scope="session")
def shop_documents(sources: Sources) -> list[Document]:
    """Sixty unlike operations."""
    nouns = ("주문", "회원", "상품", "쿠폰", "후기", "재고", "배송지", "적립금", "문의글", "분류")
    verbs = ("목록 조회", "상세 조회", "등록", "수정", "삭제", "건수 집계")
    return [
        sources.endpoint(f"res{i:02d}/{'abcdef'[j] * (j + 3)}", f"{noun} {verb}", method=("GET", "PUT")[j % 2])
        for i, noun in enumerate(nouns)
        for j, verb in enumerate(verbs)
    ]
