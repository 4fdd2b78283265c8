"""How many tokens a text has: by a tokenizer file on this machine, else by a stated approximation.

Nothing is fetched: a tokenizer is a `tokenizer.json` whose path is configured (`CAFE24_TOKENIZER_FILE`).
The approximation adds up characters by script. Its constants lean high for current 100k-plus vocabularies (which take
about 0.6 to 0.8 tokens for a Hangul syllable), so a limit kept by the estimate is rarely broken by the model.
Does not belong here: prices.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cafe24_pipelines.errors import ConfigError

PER_MESSAGE: Final = 4
"""Tokens that a chat template puts around each message: begin, role, end, line break."""

PER_HANGUL: Final = 0.8
PER_CJK: Final = 1.0
PER_DIGIT: Final = 0.5
PER_WORD_CHARACTER: Final = 0.3
PER_SYMBOL: Final = 0.7
"""Tokens a character: a Hangul syllable, another CJK character, a digit, a letter of any other script, a symbol.
Spaces cost nothing (they join the word after them); a line break counts as a symbol."""

APPROXIMATION: Final = "approximation by script (Hangul 0.8, CJK 1.0, digit 0.5, letter 0.3, symbol 0.7 tokens each)"

_CLASSES: Final = (
    (re.compile(r"[가-힣ㄱ-ㆎ]"), PER_HANGUL),
    (re.compile(r"[\u3040-\u30ff\u3400-\u9fff]"), PER_CJK),
    (re.compile(r"\d"), PER_DIGIT),
    (re.compile(r"[^\W\d_가-힣ㄱ-ㆎ\u3040-\u30ff\u3400-\u9fff]"), PER_WORD_CHARACTER),
    (re.compile(r"[^\w\s]|_|\n"), PER_SYMBOL),
)


@dataclass(frozen=True)
class TokenCounter:
    """Counts tokens of a text; `name` says how, for reports."""

    name: str
    count: Callable[[str], int]

    def conversation(self, contents: list[str]) -> int:
        """Tokens of a chat with these message contents, the template around each included."""
        return sum(self.count(text) + PER_MESSAGE for text in contents)


def token_counter(tokenizer_file: str = "") -> TokenCounter:
    """A counter by the tokenizer in `tokenizer_file` (a local `tokenizer.json`), else the approximation.

    Raises:
        ConfigError: the file is not there or not a tokenizer.
    """
    if not tokenizer_file:
        return TokenCounter(APPROXIMATION, approximate)
    path = Path(tokenizer_file).expanduser()
    remedy = "set CAFE24_TOKENIZER_FILE to a tokenizer.json on this machine, or unset it for an approximation"
    if not path.is_file():
        raise ConfigError("the tokenizer file is not there", where=str(path), remedy=remedy)
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as e:  # the library raises bare Exception for every kind of damage
        raise ConfigError(f"the file is no tokenizer ({e})", where=str(path), remedy=remedy) from e

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return TokenCounter(f"tokenizer file {path.name}", count)


def approximate(text: str) -> int:
    """The estimate described above, rounded up."""
    return int(sum(len(pattern.findall(text)) * weight for pattern, weight in _CLASSES) + 0.999)
