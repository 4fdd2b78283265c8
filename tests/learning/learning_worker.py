"""A worker that a test kills: reads the inbox in batches and judges what is pending, until nothing is.

    python learning_worker.py HOME

Judging is made slow and needs no mall, so that a kill falls between effects. The cursor is kept as the daemon keeps a
sensor's: written after the batch was worked on.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cafe24_pipelines.answers.feedback import RECEIVED
from cafe24_pipelines.answers.verified import VerifiedAnswer
from cafe24_pipelines.inbox.read import read_batch
from cafe24_pipelines.learning.loop import learn
from cafe24_pipelines.learning.reask import Reasked
from cafe24_pipelines.stores.events import EventLog
from cafe24_pipelines.stores.files import write_atomic


class Slow:
    """Verifies questions that end with an even number, each after a moment."""

    def ask(self, question: str) -> Reasked:
        """As `Reasker.ask`."""
        time.sleep(0.002)
        if int(question.rsplit(" ", 1)[1]) % 2:
            return Reasked(None, "not_verified")
        answer = VerifiedAnswer(question, f"{question}의 답", "computed", (), (), "net_sales", "rerun:sql")
        return Reasked(answer, "", answer.answer)

    def retrieved(self, question: str) -> list[str]:
        """As `Reasker.retrieved`."""
        time.sleep(0.002)
        return [question]


@contextmanager
def slow() -> Iterator[Slow]:
    """As `loop.asks_of`."""
    yield Slow()


def work(home: Path) -> None:
    """Every batch of the inbox, each mall's feedback once."""
    log, cursor = EventLog(home / "events.db"), home / "cursor"
    while True:
        batch = read_batch(log, (RECEIVED,), cursor.read_text() if cursor.exists() else None, cap=500)
        for mall_id in batch.by_mall():
            learn(log, mall_id, slow)
        write_atomic(cursor, batch.cursor)
        if not batch.events and not batch.set_aside:
            return


if __name__ == "__main__":
    work(Path(sys.argv[1]))
