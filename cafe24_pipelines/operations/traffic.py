"""When merchants last used the fine-tuned model: a warm-up right after real traffic would pay for nothing.

Kept as the modification time of one file; nothing of a question or an answer is. Does not belong here: warming.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.answers.llm import Completion, LanguageModel

if TYPE_CHECKING:
    from cafe24_pipelines.answers.prompts import Message
    from cafe24_pipelines.settings import Settings


def traffic_file(settings: "Settings") -> Path:
    """The file whose time is that of the last real completion."""
    return settings.home.root / "finetuned.used"


def last_traffic(settings: "Settings") -> datetime | None:
    """When the fine-tuned model last answered a merchant (UTC); None when it never did."""
    try:
        return datetime.fromtimestamp(traffic_file(settings).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


class WatchedModel(LanguageModel):
    """A model that leaves the time of each reply it really gave; what a cache or a fallback gave doesn't count."""

    def __init__(self, *args: Any, used: Path, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._used = used

    def _run(self, messages: "list[Message]", max_tokens: int, *, streamed: bool) -> Iterator[str | Completion]:
        for step in super()._run(messages, max_tokens, streamed=streamed):
            if isinstance(step, Completion) and not step.cached and not step.fallback:
                try:
                    self._used.parent.mkdir(parents=True, exist_ok=True)
                    self._used.touch()
                except OSError:
                    pass  # a reader may not write here; an answer is worth more than a saved warm-up
            yield step
