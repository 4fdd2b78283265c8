"""Why a mall may not do something now, and what mends it: Korean for its merchant, English for the operator's shell.

Does not belong here: deciding it (see `plan.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Reason:
    """A reason in Korean and English, and what mends it: for the merchant and for the operator (`{mall}`: its id)."""

    ko: str
    en: str
    mend_ko: str
    mend_en: str


_RESUME: Final = "`cafe24 mall resume --mall {mall}`"

REASONS: Final[Mapping[str, Reason]] = {
    "expired": Reason(
        "앱 이용 기간이 끝났습니다", "the app's term has ended",
        "카페24 앱스토어에서 이용 기간을 연장하면 다시 열립니다.",
        f"it ends when Cafe24 says that the app was renewed, or with {_RESUME}",
    ),
    "payment": Reason(
        "결제가 취소되었습니다", "the payment was taken back",
        "카페24 앱스토어에서 다시 결제하면 다시 열립니다.",
        f"it ends when Cafe24 says that the app was paid, or with {_RESUME}",
    ),
    "blocked": Reason(
        "쇼핑몰이 차단되었습니다", "Cafe24 blocked the mall",
        "차단 사유를 카페24에 확인해 주세요. 차단이 풀리면 다시 열립니다.",
        f"it ends when Cafe24 says that the mall is active again, or with {_RESUME}",
    ),
    "deactivated": Reason(
        "쇼핑몰이 비활성 상태입니다", "the mall is deactivated",
        "카페24에서 쇼핑몰을 다시 활성화하면 다시 열립니다.",
        f"it ends when Cafe24 says that the mall is active again, or with {_RESUME}",
    ),
    "operator": Reason(
        "운영자가 중지했습니다", "the operator suspended it",
        "서버를 설치한 사람에게 문의해 주세요.",
        f"end it with {_RESUME}",
    ),
    "uninstalled": Reason(
        "앱이 삭제되었습니다", "the app was uninstalled",
        "자료를 지우기 전에 앱을 다시 설치하면 그대로 이어집니다. 결과 파일은 서버를 설치한 사람에게 요청해 주세요.",
        "it opens again with a new consent within the grace days; `cafe24 mall show --mall {mall}` names its export",
    ),
    "removing": Reason(
        "자료를 삭제하고 있습니다", "its data is being removed",
        "삭제가 끝난 뒤에 앱을 다시 설치해 주세요.",
        "wait for the end; a removal that was killed goes on with `cafe24 mall remove --mall {mall} --yes`",
    ),
    "removed": Reason(
        "자료가 삭제되었습니다", "its data was removed",
        "앱을 다시 설치하면 처음부터 시작합니다.",
        f"begin anew with `cafe24 authorize --mall {{mall}}`, or for a mall without the app with {_RESUME}",
    ),
    "not_due": Reason(
        "요금제에 따라 이 시간에는 동기화하지 않습니다", "the plan has no sync at this hour",
        "요금제의 다음 시간에 동기화합니다.",
        "wait for the plan's next hour, or `cafe24 mall plan pro --mall {mall}`",
    ),
    "spent": Reason(
        "오늘 요금제 한도를 모두 썼습니다", "the plan's limit of the day is used up",
        "하루 한도는 자정에 새로 시작합니다.",
        "the count begins anew at the mall's midnight; a larger plan: `cafe24 mall plan pro --mall {mall}`",
    ),
}  # fmt: skip
"""Every reason by its code."""


def told(codes: tuple[str, ...], lang: str) -> str:
    """The reasons in words, one after the other."""
    return ", ".join(REASONS[code].en if lang == "en" else REASONS[code].ko for code in codes)


def mended_by(codes: tuple[str, ...], mall_id: str, lang: str) -> str:
    """What mends them, each way once."""
    ways = [REASONS[code].mend_en if lang == "en" else REASONS[code].mend_ko for code in codes]
    return ("; " if lang == "en" else " ").join(dict.fromkeys(ways)).format(mall=mall_id)
