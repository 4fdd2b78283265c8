"""What the connector's commands tell a person: Korean by default, English on request. Text only; no computing."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.erase import ErasureReport
    from cafe24_pipelines.cafe24.sync import SyncReport

_KO = {
    "agreed": "일치", "OPEN": "미완료", "skipped": "건너뜀", "quarantined": "격리", "coverage": "범위",
    "unknown fields": "모르는 필드(봉인)", "open window": "미완료 구간", "error": "오류", "calls": "호출",
    "stopped": "중단", "version": "API 버전", "removed": "지움", "rebuilt": "다시 만듦", "searched": "검색함",
    "not searched": "검색하지 못함", "found": "남아 있음", "kept though no longer listed": "목록에 없지만 보존",
    "made a guest's": "비회원 것으로 바꿈", "name taken out": "회원 표시만 지움",
}  # fmt: skip


def consent_needed(url: str, lang: str) -> str:
    """Where to go, and what to do afterwards."""
    if lang == "en":
        return (
            f"Open this address as the mall's representative operator, within 10 minutes:\n\n  {url}\n\n"
            "If `cafe24 serve` answers at CAFE24_REDIRECT_URI, that is all. Otherwise copy code and state from the "
            "address\nyou are sent back to, within a minute:\n\n  cafe24 authorize --code CODE --state STATE"
        )
    return (
        f"쇼핑몰 대표운영자 계정으로 10분 안에 이 주소를 여세요.\n\n  {url}\n\n"
        "CAFE24_REDIRECT_URI에서 `cafe24 serve`가 응답하면 이것으로 끝입니다. 아니면 되돌아온 주소의 code와 state를\n"
        "1분 안에 붙여 넣으세요.\n\n  cafe24 authorize --code CODE --state STATE"
    )


def consented(mall_id: str, scopes: Iterable[str], lang: str) -> str:
    """What was granted, and the next step."""
    granted = ", ".join(sorted(scopes))
    if lang == "en":
        return f"mall {mall_id}: access granted ({granted})\nnext: cafe24 run --source api --mall {mall_id}"
    return f"쇼핑몰 {mall_id}: 연결되었습니다 ({granted})\n다음: cafe24 run --source api --mall {mall_id}"


def revoked(mall_id: str, done: str, lang: str) -> str:
    """What became of the mall's tokens ("revoked", "had ended" or "none"), and what landed data is not touched."""
    ko = {
        "revoked": "접근 권한을 카페24에서 폐기하고 여기 저장된 토큰을 지웠습니다",
        "had ended": "토큰은 카페24에서 이미 끝나 있었고, 여기 저장된 것을 지웠습니다",
        "none": "폐기할 토큰이 없습니다",
    }
    en = {
        "revoked": "access revoked at Cafe24, stored tokens deleted",
        "had ended": "Cafe24 had ended the tokens before; the stored ones are deleted",
        "none": "there is no token to revoke",
    }
    if lang == "en":
        again = f"what has landed stays. To read the mall again: cafe24 authorize --mall {mall_id}"
        return f"mall {mall_id}: {en[done]}\n{again}"
    again = f"이미 적재한 데이터는 그대로입니다. 다시 연결하려면: cafe24 authorize --mall {mall_id}"
    return f"쇼핑몰 {mall_id}: {ko[done]}\n{again}"


def synced(report: "SyncReport", lang: str) -> str:
    """Resource by resource: read, changed, left open and why."""
    return _lines(report.rows(), lang)


def nothing_pending(lang: str) -> str:
    """No erasure was interrupted."""
    return "no erasure is unfinished" if lang == "en" else "끝나지 않은 삭제가 없습니다"


def untouched(lang: str) -> str:
    """No webhook since the last short sync."""
    if lang == "en":
        return "no webhook has come since the last such sync"
    return "지난번 이후 도착한 웹훅이 없습니다"


def erased(report: "ErasureReport", lang: str) -> str:
    """What was removed, what was searched, and whether anything is left."""
    return f"{_lines(report.rows(), lang)}\n\n{_outcome(report, lang)}"


def _outcome(report: "ErasureReport", lang: str) -> str:
    en = lang == "en"
    if report.nothing_found and report.asked_before:
        if en:
            return (
                "nothing of this member is here; the request had been recorded before: no sync or import lands them"
            )
        return "이 회원의 것이 없습니다. 요청은 이전에 기록되어 있어, 동기화나 가져오기가 이 회원을 들이지 않습니다"
    if report.nothing_found:
        if en:
            return (
                "of this member nothing was found, so nothing was removed or made anew; check how the id is spelt\n"
                "the request is recorded (as a keyed fingerprint): no later sync or import lands this member"
            )
        return (
            "이 회원의 것을 찾지 못해 지우거나 다시 만든 것이 없습니다. 아이디의 철자를 확인하세요\n"
            "요청은 (키로 만든 지문으로) 기록했습니다. 나중의 동기화나 가져오기도 이 회원을 들이지 않습니다"
        )
    if report.complete:
        return "nothing identifies the member any more" if en else "이 회원을 알아볼 수 있는 것이 남지 않았습니다"
    return "TRACES ARE LEFT, see above" if en else "흔적이 남아 있습니다. 위 목록을 보세요"


def _lines(rows: Iterable[tuple[str, str, str]], lang: str) -> str:
    def word(text: str) -> str:
        return _KO.get(text, text) if lang == "ko" else text

    told = [(word(where), word(what), value) for where, what, value in rows]
    width = max([20, *(len(where) for where, _, _ in told)])
    return "\n".join(f"{where:<{width}} {what:<16} {value}".rstrip() for where, what, value in told)
