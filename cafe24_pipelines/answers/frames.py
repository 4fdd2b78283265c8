"""The fixed sentences around an answer, in Korean and English: what is quoted, withheld, masked or refused.

Computed statements and documents stay Korean in both. Does not belong here: the prompts (`prompts/`), or why a
question is refused (`queries/refusals.yaml`).
"""

from dataclasses import dataclass
from typing import Final

from cafe24_pipelines.errors import BadInput


@dataclass(frozen=True)
class Frames:
    """One language's sentences; braces are filled by the caller."""

    documents: str
    graph: str
    steps: str
    scope: str
    not_generative: str
    no_material: str
    unfounded: str
    no_patterns: str
    withheld: str
    instead: str
    silent: str
    cut: str
    too_long: str
    masked: str
    budget: str
    failed: str
    removed: str


_KO_NOT_GENERATIVE: Final = (
    "저는 글을 지어내는 생성 모델이 아니라, 검색한 문서와 계산한 값만 옮겨 적는 로컬 추출기입니다. "
    "새 글이나 코드를 쓰려면 LLM_MODEL에 생성 모델을 설정하세요."
)
_EN_NOT_GENERATIVE: Final = (
    "I am no generative model: I copy what was found in documents and what was computed. "
    "To have new text or code written, set LLM_MODEL to a generative model."
)

KO: Final = Frames(
    documents="문서에서 찾은 내용입니다.",
    graph="그래프에서 이어진 정보입니다.",
    steps="호출 순서는 다음과 같습니다.",
    scope="필요한 스코프는 `{scope}`입니다.",
    not_generative=_KO_NOT_GENERATIVE,
    no_material=f"근거로 삼을 문서나 계산 결과가 없어 답할 수 없습니다. {_KO_NOT_GENERATIVE}",
    unfounded=(
        "적재된 데이터와 문서에서 이 질문의 근거를 찾지 못해 답할 수 없습니다. "
        "매출·고객·상품·쿠폰·리뷰의 집계, 발견된 패턴, 카페24 API 사용법은 물어보실 수 있습니다."
    ),
    no_patterns="아직 발견된 패턴이 없어 답할 수 없습니다. cafe24 run으로 패턴 발견까지 실행한 결과가 필요합니다.",
    withheld="모델의 답에 근거 자료로 확인되지 않는 내용(숫자, API, 링크 등)이 있어 거기부터 보여 드리지 않습니다.",
    instead="확인된 자료를 그대로 옮깁니다.",
    silent="모델이 답을 끝내지 못했습니다.",
    cut="모델의 답이 중간에 끊겼습니다.",
    too_long="(답이 길이 제한에 걸려 여기까지만 보여 드립니다.)",
    masked="(질문에 있던 개인정보는 {kinds}(으)로 가리고 처리했습니다.)",
    budget=(
        "오늘 이 쇼핑몰에 정해 둔 모델 사용 예산(하루 ${usd:g})을 다 써서 답할 수 없습니다. "
        "예산은 쇼핑몰 시간대로 자정에 새로 시작됩니다. 그 전에 필요하면 관리자가 LLM_BUDGET_USD를 올리거나, "
        "LLM_FALLBACKS에 local/extractive를 넣어 비용 없이 자료를 옮겨 적는 답을 받을 수 있습니다."
    ),
    failed="모델에 물을 수 없어 답하지 못했습니다. 잠시 뒤 다시 물어보시거나 LLM_MODEL 설정을 확인해야 합니다.",
    removed="[지시문으로 보이는 문장을 뺐습니다]",
)

EN: Final = Frames(
    documents="Found in the documents (quoted in Korean):",
    graph="Connected in the graph:",
    steps="Call in this order:",
    scope="It needs the scope `{scope}`.",
    not_generative=_EN_NOT_GENERATIVE,
    no_material=f"There is no document and no computed figure to answer from. {_EN_NOT_GENERATIVE}",
    unfounded=(
        "Neither the landed data nor the documents hold anything to answer this from. You can ask for figures on "
        "sales, customers, products, coupons and reviews, for discovered patterns, and how to use the Cafe24 API."
    ),
    no_patterns="No pattern has been discovered yet. Run `cafe24 run` through discovery first.",
    withheld=(
        "The model said something that the material doesn't confirm (a number, an API, a link); "
        "its text is withheld from there on."
    ),
    instead="The confirmed material, as it stands:",
    silent="The model did not finish its answer.",
    cut="The model's answer was cut off.",
    too_long="(The answer met its length limit and ends here.)",
    masked="(Personal data in the question was masked as {kinds} before anything read it.)",
    budget=(
        "This mall's model budget for today (${usd:g}) is spent, so this can't be answered. The budget starts anew "
        "at midnight of the mall's time zone. To answer sooner, raise LLM_BUDGET_USD, or add local/extractive to "
        "LLM_FALLBACKS to have the material quoted at no cost."
    ),
    failed="The model can't be asked, so there is no answer. Ask again later, or check LLM_MODEL.",
    removed="[지시문으로 보이는 문장을 뺐습니다]",
)

_BY_LANG: Final = {"ko": KO, "en": EN}

_REFUSALS_EN: Final = {
    "injection": "This asks to change the instructions or to reveal internal settings, which is not answered.",
    "personal_data": "Personal data of a single customer is not answered; counts and rates of customers are.",
    "write": "I only read. Changes are made by an authorised administrator, or through the Admin API.",
    "out_of_scope": "This is outside of the shop's data and the Cafe24 API.",
    "other_mall": "Data of other malls is not answered: every query is limited to this mall.",
    "not_landed": "The data that this needs has not landed.",
    "forecast": "Future values are not answered; figures up to now are.",
    "unknown_id": "There is no such number in the landed data.",
    "unknown_name": "The shop has nothing of that name.",
    "unknown_path": "The documentation holds no such API call.",
    "unknown_member": "That key names no member, or more than one.",
    "unsupported_filter": "No verified query takes account of all that was asked. Ask with fewer conditions.",
}


def frames(lang: str) -> Frames:
    """The sentences of a language.

    Raises:
        BadInput: the language is not ko or en.
    """
    if lang not in _BY_LANG:
        raise BadInput(f"language {lang!r} is not spoken here", remedy="use ko or en")
    return _BY_LANG[lang]


def refusal_text(rule: str, korean: str, lang: str) -> str:
    """A refusal as the reader gets it: in English the reason first, and the Korean text with what would be needed."""
    if lang != "en":
        return korean
    for name in ("unfounded", "no_patterns", "no_material"):
        if korean == getattr(KO, name):
            return str(getattr(EN, name))
    return f"{_REFUSALS_EN.get(rule, 'This is not answered.')}\n({korean})"
