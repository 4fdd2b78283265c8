"""Who shops in the sandbox: invented members with the personal fields that a real shop would hold.

Names follow Korea's surname frequencies; telephone numbers begin with 010-0, which is given to nobody, and mail
addresses end in reserved example domains. Everything here is drawn independently of behaviour: sex, region,
birthday and the day of joining have no effect on anything (the planted nulls rest on that).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np

_SURNAMES: Final = {
    "김": 21.5, "이": 14.7, "박": 8.4, "최": 4.7, "정": 4.3, "강": 2.4, "조": 2.1, "윤": 2.1, "장": 2.0, "임": 1.7,
    "한": 1.5, "오": 1.5, "서": 1.5, "신": 1.5, "권": 1.4, "황": 1.4, "안": 1.4, "송": 1.4, "류": 1.3, "전": 1.1,
    "홍": 1.1, "고": 0.9, "문": 0.9, "양": 0.9, "손": 0.9, "배": 0.8, "백": 0.8, "허": 0.7, "남": 0.6, "심": 0.5,
    "노": 0.5, "하": 0.5, "곽": 0.4, "성": 0.4, "차": 0.4, "주": 0.4, "우": 0.4, "구": 0.4,
    "선우": 0.03, "남궁": 0.04,
}  # fmt: skip
_GIVEN: Final = {
    "F": (
        "서 지 수 민 예 하 은 유 다 채 소 혜 윤 가 나 보 주 연 현 아",
        "연 은 영 현 진 원 희 아 윤 림 빈 경 정 인 나 린 솔 주 선 미",
    ),
    "M": (
        "민 준 지 현 도 성 승 우 재 태 동 건 시 상 영 진 주 정 찬 은",
        "준 우 호 현 민 훈 진 석 혁 성 수 윤 환 빈 규 찬 섭 원 영 철",
    ),
}  # fmt: skip
_REGIONS: Final = {
    "서울": 18.2, "경기": 26.5, "인천": 5.8, "부산": 6.4, "대구": 4.6, "광주": 2.8, "대전": 2.8, "울산": 2.1,
    "세종": 0.8, "강원": 3.0, "충북": 3.1, "충남": 4.1, "전북": 3.4, "전남": 3.5, "경북": 5.0,
    "경남": 6.3, "제주": 1.3,
}  # fmt: skip
_DISTRICTS: Final = ("중구", "동구", "서구", "남구", "북구", "한들구", "새벽시", "은하시", "푸른군")
_ROADS: Final = ("가온로", "다솜로", "누리길", "한빛로", "새싹길", "도담로", "여울길", "마루로")
_ROMAN: Final = "bora dahye haneul jiwoo minji seoyeon sora yuna areum nari dasom hyun jun taeho woojin siwoo"


@dataclass(frozen=True)
class Persons:
    """Personal fields of some people, one list entry each."""

    name: list[str]
    gender: list[str]
    region: list[str]
    birthday: list[date]
    cellphone: list[str]
    email: list[str]
    zipcode: list[str]
    address: list[str]
    member_id: list[str]


def draw_persons(rng: np.random.Generator, count: int) -> Persons:
    """`count` people; member ids and mail addresses are unique, names may repeat."""
    gender = _pick(rng, {"F": 0.72, "M": 0.28}, count)
    region = _pick(rng, _REGIONS, count)
    births = rng.normal(34, 9, count).clip(15, 74)
    year_days = rng.integers(0, 365, count)
    birthday = [date(2026 - int(a), 1, 1) + timedelta(days=int(d)) for a, d in zip(births, year_days, strict=True)]
    handles = _handles(rng, count)
    hosts = _pick(rng, {"example.com": 0.6, "example.net": 0.25, "example.org": 0.15}, count)
    houses = rng.integers(1, 300, (count, 2))
    streets = zip(region, _pick_of(rng, _DISTRICTS, count), _pick_of(rng, _ROADS, count), houses, strict=True)
    return Persons(
        name=_names(rng, gender),
        gender=gender,
        region=region,
        birthday=birthday,
        cellphone=phones(rng, count),
        email=[f"{handle}@{host}" for handle, host in zip(handles, hosts, strict=True)],
        zipcode=[f"{z:05d}" for z in rng.integers(1000, 63644, count).tolist()],
        address=[f"{r} {d} {road} {house[0]}, {house[1]}호" for r, d, road, house in streets],
        member_id=_member_ids(rng, handles),
    )


def phones(rng: np.random.Generator, count: int) -> list[str]:
    """Mobile numbers of a block that is in nobody's use."""
    return [f"010-0{a:03d}-{b:04d}" for a, b in zip(*_digits(rng, count), strict=True)]


def _digits(rng: np.random.Generator, count: int) -> tuple[list[int], list[int]]:
    return rng.integers(0, 1000, count).tolist(), rng.integers(0, 10_000, count).tolist()


def _names(rng: np.random.Generator, gender: list[str]) -> list[str]:
    surnames = _pick(rng, _SURNAMES, len(gender))
    drawn = rng.integers(0, 20, (len(gender), 2)).tolist()
    syllables = {sex: (first.split(), second.split()) for sex, (first, second) in _GIVEN.items()}
    names = []
    for surname, sex, (a, b) in zip(surnames, gender, drawn, strict=True):
        first, second = syllables[sex][0][a], syllables[sex][1][b]
        names.append(surname + first + (second if second != first else syllables[sex][1][(b + 1) % 20]))
    return names


def _handles(rng: np.random.Generator, count: int) -> list[str]:
    """Log-in names; a shuffled running number makes each unique."""
    words = _pick_of(rng, tuple(_ROMAN.split()), count)
    numbers = rng.permutation(count) + 101
    return [f"{word}{number}" for word, number in zip(words, numbers.tolist(), strict=True)]


def _member_ids(rng: np.random.Generator, handles: list[str]) -> list[str]:
    """A third signed up through Kakao or Naver, whose ids Cafe24 keeps as a number with a suffix."""
    kinds = _pick(rng, {"": 0.66, "@k": 0.22, "@n": 0.12}, len(handles))
    numbers = (2_000_000_000 + rng.permutation(len(handles)) * 137 + rng.integers(0, 137, len(handles))).tolist()
    return [f"{n}{kind}" if kind else handle for handle, kind, n in zip(handles, kinds, numbers, strict=True)]


def _pick(rng: np.random.Generator, weights: dict[str, float], count: int) -> list[str]:
    import numpy as np

    edges = np.cumsum(list(weights.values()))
    names = list(weights)
    found = np.searchsorted(edges, rng.random(count) * edges[-1], side="right")
    return [names[k] for k in found.tolist()]


def _pick_of(rng: np.random.Generator, names: tuple[str, ...], count: int) -> list[str]:
    return [names[k] for k in rng.integers(0, len(names), count).tolist()]
