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

VERSION = "3"
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
        own = one.own or one.sentence
        anew = all(one.metric.words.search(words) for words in (own, one.before))
        claim = Claim(
            metric=one.metric.name, value=one.value, value_to=one.value_to, unit=one.unit,
            population=population(own, text.title, source.region, one.industry, before=one.before, anew=anew),
            period=period(own, text.title, before=one.before, day=text.day),
            window_days=window_days(own) or window_days(one.before),
            published=text.day, source=source.id, publisher=source.publisher, trust=source.trust, address=address,
            title=text.title, language=text.language, quote=one.quote, page=page_hash(text), found_by=found_by,
            doubt=one.doubt,
        )  # fmt: skip
        found.setdefault(claim.id, claim)
    return list(found.values())
