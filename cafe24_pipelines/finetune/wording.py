"""How merchants and their developers ask: Korean question templates for each part of a document.

`{id}` is what an answer cites, `{name}` the document's Korean title, `{heading}` the part asked about. No template
puts a particle that depends on the last letter right after a placeholder.
Does not belong here: answers.
"""

from typing import Final

from cafe24_pipelines.stores.digest import text_digest

Wordings = tuple[str, ...]

INTRO: Final[dict[str, Wordings]] = {
    "endpoint": (
        "카페24에서 '{name}' 하려면 어떤 API를 쓰나요?",
        "{id} 이 API는 무슨 일을 하나요?",
        "'{name}' API 주소 좀 알려 주세요.",
        "{id} 설명해 주세요.",
    ),
    "resource": (
        "카페24 API에서 '{name}' 리소스가 뭔가요?",
        "'{name}' 데이터에는 어떤 내용이 있나요?",
        "{name} 리소스를 짧게 설명해 주세요.",
    ),
    "guide": (
        "{name}, 처음인데 어떻게 이해하면 되나요?",
        "'{name}' 가이드를 요약해 주세요.",
        "카페24 연동할 때 '{name}' 쪽은 무엇을 알아야 하나요?",
    ),
    "article": (
        "{name}, 쇼핑몰 운영자 입장에서 설명해 주세요.",
        "'{name}' 이게 무슨 뜻인가요?",
        "우리 쇼핑몰에서 '{name}' 어떻게 보면 되나요?",
    ),
}
"""Questions about the first part of a document, by kind."""

SECTIONS: Final[dict[str, dict[str, Wordings]]] = {
    "endpoint": {
        "언제 쓰나": (
            "{id} 이 API는 언제 쓰면 되나요?",
            "'{name}' API는 CRM에서 어디에 쓰나요?",
            "'{name}' 기능은 어떤 상황에 필요한가요?",
        ),
        "권한과 한도": (
            "'{name}' API를 부르려면 어떤 권한이 필요한가요? 호출 한도도 알려 주세요.",
            "{id} 호출 한도랑 scope 알려 주세요.",
            "'{name}' 하다가 권한 오류가 나요. 어떤 scope가 필요하죠?",
        ),
        "요청 파라미터": (
            "{id} 호출할 때 어떤 파라미터를 넣나요?",
            "'{name}' API의 요청 파라미터를 알려 주세요.",
            "'{name}' 할 때 조건을 어떻게 줄 수 있나요?",
        ),
        "응답 필드": (
            "{id} 응답에는 어떤 필드가 들어 있나요?",
            "'{name}' API를 부르면 어떤 값을 받나요?",
            "'{name}' 결과에서 뽑을 수 있는 항목이 궁금해요.",
        ),
        "주의": (
            "{id} 쓸 때 조심할 점이 있나요?",
            "'{name}' 할 때 주의할 점을 알려 주세요.",
            "'{name}' API에서 자주 하는 실수는 뭔가요?",
        ),
        "관련 API": (
            "{id} 이 API와 같이 쓰는 API는 뭐가 있나요?",
            "'{name}' API와 관련된 다른 API를 알려 주세요.",
        ),
    },
    "resource": {
        "CRM에서 쓰는 때": ("'{name}' 데이터는 CRM에서 언제 쓰나요?", "'{name}' 정보로 마케팅에 뭘 할 수 있어요?"),
        "작업": ("'{name}' 리소스로 할 수 있는 작업은 뭔가요?", "'{name}' 관련 API 목록을 알려 주세요."),
        "알아 둘 점": ("'{name}' 다룰 때 알아 둘 점이 있나요?", "'{name}' 데이터를 쓸 때 함정이 있을까요?"),
        "권한": ("'{name}' 데이터를 보려면 어떤 권한이 필요한가요?", "'{name}' 리소스의 scope 알려 주세요."),
        "주요 필드": ("'{name}' 리소스의 주요 필드는 뭔가요?", "'{name}' 데이터에 어떤 컬럼이 있어요?"),
        "함께 볼 리소스": (
            "'{name}' 데이터와 함께 보면 좋은 리소스는요?",
            "'{name}' 리소스는 어떤 리소스와 이어지나요?",
        ),
    },
}
"""Questions about a named part, by kind and heading."""

UNNAMED: Final[Wordings] = (
    "{name} — {heading}, 알려 주세요.",
    "'{name}' 내용 중에서 '{heading}' 부분이 궁금해요.",
    "{name}: '{heading}' 설명해 주실 수 있나요?",
)
"""Questions about a part with a heading of its own."""

STATUS: Final[dict[str, str]] = {
    "confirmed": "통계 검정과 신뢰구간, 두 기간의 일관성을 통과해 확인된 결과입니다.",
    "tentative": "아직 잠정적인 결과라서 결정의 근거로 쓰기에는 이릅니다.",
    "insufficient_data": "데이터가 모자라 판단하지 않은 결과입니다.",
}
"""How sure a pattern is, in words that promise no more than its status."""


def pick(wordings: Wordings, key: str, count: int) -> list[str]:
    """`count` of the wordings, chosen by `key`, so that documents vary and a rebuild repeats."""
    first = int(text_digest(key), 16) % len(wordings)
    return [wordings[(first + n) % len(wordings)] for n in range(min(count, len(wordings)))]
