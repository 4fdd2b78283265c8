"""Canaries in every personal column of the admin's downloads: none is in what is landed, quarantined or said."""

import json
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest

from cafe24_pipelines.errors import BadInput

ORDER = {
    "주문번호": "20261101-0000011", "품목별 주문번호": "20261101-0000011-01", "주문일시": "2026-11-01 13:02:11",
    "주문 상태": "배송중", "상품번호": "7", "주문상품명": "머그컵", "수량": "2", "판매가": "10000",
    "총 결제금액(KRW)": "20000",
}  # fmt: skip
ORDER_PERSONS = [
    "주문자ID", "주문자명", "주문자 이메일", "주문자 휴대전화", "주문자 전화번호", "주문자 우편번호",
    "주문자 주소(전체)", "주문자 생년월일",
    "주문자 IP", "수령인", "수령인 휴대전화", "수령인 전화번호", "수령인 우편번호", "수령인 주소",
    "수령인 상세 주소", "수령인 주소(전체)",
    "영문 수령인", "배송메시지", "입금자명", "결제자", "환불계좌번호", "환불계좌예금주", "상품옵션", "추가입력옵션",
    "추가입력옵션(상세)",
    "주문상품명(옵션포함)", "주문서추가항목01_각인 이름", "회원추가항목_반려견 이름", "개인통관고유부호",
    "취소사유", "관리자 메모", "고객메모",
    "세금계산서 담당자", "송장번호", "처음 보는 열",
]  # fmt: skip
MEMBER = {"회원등급": "VIP", "회원 가입일": "2024-01-01", "e메일 수신여부": "T", "모바일 메시지 수신여부": "수신안함"}
MEMBER_PERSONS = [
    "아이디", "이름", "이름(발음)", "영문이름", "이메일", "휴대폰번호", "전화번호", "우편번호", "주소1", "주소2",
    "지역", "도시 (City)",
    "주 (State/Province)", "생년월일", "결혼기념일", "배우자생일", "별명", "접속 IP", "추천인 아이디", "직업",
    "최종학력", "여권번호",
    "국제면허번호", "사업자번호", "상호", "환불계좌정보(은행/계좌/예금주)", "연동중인 SNS", "SNS ID 연동일시",
    "확인질문", "답변", "추가사항1",
    "추가사항4", "탈퇴사유", "새 개인정보 열",
]  # fmt: skip


@pytest.fixture
def mall(shop):
    for path in list(shop.folder.iterdir()):
        path.unlink()
    return shop


def canaries(headers: list[str], kind: str) -> dict[str, str]:
    return {header: f"카나리아{kind}{i:03}새" for i, header in enumerate(headers)}


def written(root: Path) -> str:
    """All text below a folder, Parquet decoded into rows."""
    parts = []
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        if path.suffix == ".parquet":
            parts.append(str(pq.ParquetFile(path).read().to_pylist()))
        parts.append(path.read_bytes().decode("utf-8", "replace"))
    return "\n".join(parts)


def workbook(path: Path, *rows: dict[str, str]) -> None:
    book = openpyxl.Workbook()
    for row in [list(rows[0]), *(list(r.values()) for r in rows)]:
        book.active.append(row)
    book.save(path)


@pytest.mark.parametrize("form", ["csv", "xlsx", "html"])
def test_no_canary_gets_past_the_line(mall, form: str) -> None:
    order, member = canaries(ORDER_PERSONS, "주"), canaries(MEMBER_PERSONS, "회")
    good, refused = ORDER | order, ORDER | order | {"주문번호": "20261101-0000012", "수량": "많이"}
    unsplit = dict(list((ORDER | order).items())[:-3])
    members = [MEMBER | member, MEMBER | member | {"아이디": "카나리아둘", "회원 가입일": "언젠가"}]
    save(mall, f"주문.{form}", form, good, refused, *([unsplit] if form == "csv" else []))
    save(mall, f"회원.{form}", form, *members)
    said: list[str] = []
    report = mall.land(progress=said.append)
    assert report.reconciliation.balanced
    assert report.landed["orders"].rows == report.landed["customers"].rows == 1
    assert report.quarantined == (3 if form == "csv" else 2)
    everything = written(mall.settings.home.root) + json.dumps(report.to_json(), ensure_ascii=False, default=str)
    everything += str(report.rows()) + str(said) + str(mall.quarantine())
    assert "카나리아" not in everything, everything[everything.index("카나리아") - 200 :][:400]
    assert "20261101-0000012" in everything and "머그컵" in everything  # and it is the right place that was searched


def save(mall, name: str, form: str, *rows: dict[str, str]) -> None:
    if form == "xlsx":
        workbook(mall.folder / name, *rows)
    elif form == "csv":
        mall.write(name, ",".join(rows[0]), *(",".join(row.values()) for row in rows), encoding="cp949")
    else:
        cells = [list(rows[0]), *(list(row.values()) for row in rows)]
        body = "".join(f"<tr>{''.join(f'<td>{c}</td>' for c in row)}</tr>" for row in cells)
        mall.raw(name, f"<table>{body}</table>".encode("cp949"))


def test_an_address_leaves_its_province_and_nothing_else(mall) -> None:
    save(mall, "주문.csv", "csv", ORDER | {"주문자ID": "kim01"})
    member = MEMBER | {"아이디": "kim01", "이름": "김하늘", "주소1": "경기도 성남시 카나리아로 1"}
    save(mall, "회원.csv", "csv", member, member | {"아이디": "lee02", "회원 가입일": "언젠가"})
    mall.land()
    assert mall.lake.read("customers")["region"].to_pylist() == ["경기"]
    (held,) = mall.quarantine()
    assert json.loads(held["row"])["address_region"] == "경기" and "카나리아" not in written(mall.settings.home.root)


def test_an_error_shows_no_cell_of_a_file_without_headers(mall) -> None:
    save(mall, "주문.csv", "csv", ORDER | {"주문자ID": "kim01"})
    values = ["20261101-0000011", "김카나리아", "010-1234-5678", "배송중", "7"]
    mall.write("머리글없음.csv", ",".join(values), ",".join(values))
    report = mall.land()
    assert [u.file for u in report.reconciliation.unread] == ["머리글없음.csv"]
    assert "카나리아" not in str(report.rows()) + json.dumps(report.to_json(), ensure_ascii=False, default=str)
    (mall.folder / "주문.csv").unlink()
    with pytest.raises(BadInput) as e:
        mall.land()
    assert "카나리아" not in str(e.value) and "5678" not in str(e.value)
