"""One question answered by several arms, side by side, for a reader who wants to see the difference.

A single question proves nothing: the comparison over a question set, with its statistics, is in `experiments/`. Does
not belong here: how an arm answers (see `ask.py`).
"""

from collections.abc import Sequence

from cafe24_pipelines.answers.ask import Answer, Services, ask
from cafe24_pipelines.answers.frames import frames
from cafe24_pipelines.answers.model_errors import ModelError
from cafe24_pipelines.names import ARMS


def arms_of(services: Services) -> tuple[str, ...]:
    """The arms that have a model: all but `finetuned` until one is configured."""
    return tuple(arm for arm in ARMS if arm != "finetuned" or services.finetuned is not None)


def compare_arms(
    question: str, services: Services, arms: Sequence[str] | None = None, *, lang: str = "ko"
) -> list[Answer]:
    """The answer of each arm, in the given order (default: every arm that has a model).

    A model that can't be asked costs its own arm only: that answer is refused with the rule `model_error`.

    Raises:
        BadInput, ConfigError, NotBuilt: as of `ask`; nothing was compared.
    """
    return [_answer(question, services, arm, lang) for arm in (arms if arms is not None else arms_of(services))]


def _answer(question: str, services: Services, arm: str, lang: str) -> Answer:
    try:
        return ask(question, services, arm=arm, lang=lang)
    except ModelError:
        model = services.finetuned if arm == "finetuned" and services.finetuned else services.llm
        said = frames(lang).failed
        return Answer(said, arm, model.model, refused=True, cost_usd=None, rule="model_error", lang=lang)
