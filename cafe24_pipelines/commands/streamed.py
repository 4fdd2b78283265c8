"""`cafe24 ask --stream`: an answer printed sentence by sentence, each after it was checked, then its sources.

With `--json` every line is an object: `{"text": …}` for a released piece, `{"answer": {…}}` for the whole at the end.
Does not belong here: answering.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from cafe24_pipelines import show

if TYPE_CHECKING:
    from cafe24_pipelines.answers.ask import Chunk


def print_streamed(chunks: "Iterator[Chunk]", *, as_json: bool, lang: str) -> None:
    """Print the pieces as they come."""
    for chunk in chunks:
        if chunk.answer is None:
            click.echo(json.dumps({"text": chunk.text}, ensure_ascii=False) if as_json else chunk.text, nl=as_json)
            continue
        whole = chunk.answer.to_json()
        if as_json:
            click.echo(json.dumps({"answer": whole}, ensure_ascii=False, default=str))
        else:
            click.echo("\n\n" + show.answer(whole | {"answer": ""}, lang).lstrip())
