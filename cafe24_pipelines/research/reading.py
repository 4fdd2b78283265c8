"""From a read page to claims: statements with their source, population, period and window.

Does not belong here: visiting, or what is new about a claim (see `book.py`).
"""

from collections.abc import Iterable

from cafe24_pipelines.research.claims import Claim
from cafe24_pipelines.research.pages import Text
from cafe24_pipelines.research.populations import period, population, window_days
from cafe24_pipelines.research.rules import Statement, statements
from cafe24_pipelines.research.sources import Source
from cafe24_pipelines.stores.digest import text_digest

VERSION = "2"
"""Of the rules: a page is read again when they have changed, even if it has not."""


def page_hash(text: Text) -> str:
    """What a page says, as one hash: by it a change is seen although the text is not kept."""
    return text_digest(VERSION, text.title, text.day, str(text.to_a_model), *text.sentences)


def claims_of(
    text: Text, source: Source, address: str, proposed: Iterable[tuple[Statement, str]] = ()
) -> list[Claim]:
    """The claims of a page, each id once; `proposed` are a model's statements (checked) with its name."""
    found: dict[str, Claim] = {}
    rows = [*((one, "rules") for one in statements(text.sentences, marked=text.to_a_model)), *proposed]
    for one, found_by in rows:
        claim = Claim(
            metric=one.metric.name, value=one.value, value_to=one.value_to, unit=one.unit,
            population=population(one.sentence, text.title, source.region, one.industry),
            period=period(one.sentence, text.title), window_days=window_days(one.sentence),
            published=text.day, source=source.id, publisher=source.publisher, trust=source.trust, address=address,
            title=text.title, language=text.language, quote=one.quote, page=page_hash(text), found_by=found_by,
            doubt=one.doubt,
        )  # fmt: skip
        found.setdefault(claim.id, claim)
    return list(found.values())
