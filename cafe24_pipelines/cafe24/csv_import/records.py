"""Records of a CSV text: where each one lies, on which line it begins, and which lines can't be split.

A quoted field may hold line breaks. A quote that is never closed, or closed in the wrong place, costs its own
physical line and nothing after it: a record over several lines is believed only when it parses strictly to the
header's number of fields and does not swallow lines that look whole by themselves.
A quote inside an unquoted field (`7" nails`) is text. Does not belong here: cells and their meaning.
"""

import csv
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.cafe24.csv_import.files import BadLine, Text, describe
from cafe24_pipelines.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

LONGEST: Final = 1000
"""Physical lines one record may have."""


@dataclass
class Records:
    """A split text.

    Attributes:
        header: the header's cells, stripped.
        starts, ends: byte offsets of each good record, line end excluded; int64 arrays of one length.
        lines: the physical line each good record begins on (the file's first line is 1).
        quoted: some good record holds a line break.
        bad: lines that can't be split.
        physical, blank, continuations: counts of physical lines.
    """

    header: list[str]
    starts: "np.ndarray"
    ends: "np.ndarray"
    lines: "np.ndarray"
    quoted: bool = False
    bad: list[BadLine] = field(default_factory=list)
    physical: int = 0
    blank: int = 0
    continuations: int = 0


class _Lines:
    """Physical lines of a text as offset arrays, with the delimiters and quotes each one holds."""

    def __init__(self, data: bytes, delimiter: str) -> None:
        import numpy as np

        self.data, self.delimiter = data, delimiter
        buffer = np.frombuffer(data, dtype=np.uint8)
        breaks = np.flatnonzero(buffer == 10)
        whole = breaks if data.endswith(b"\n") else np.append(breaks, len(data))
        self.ends = whole
        self.starts = np.concatenate([[0], whole[:-1] + 1])
        self.quotes = self._count(np.flatnonzero(buffer == 34))
        self.delimiters = self._count(np.flatnonzero(buffer == ord(delimiter)))

    def _count(self, places: "np.ndarray") -> "np.ndarray":
        import numpy as np

        return np.searchsorted(places, self.ends) - np.searchsorted(places, self.starts)

    def raw(self, first: int, last: int | None = None) -> bytes:
        """The bytes of line `first`, or of the lines up to and including `last`."""
        return self.data[self.starts[first] : self.ends[first if last is None else last]]

    def fields(self, first: int, last: int | None = None) -> int:
        """How many fields strict CSV finds in these lines as one record; 0 when they are not one."""
        text = self.raw(first, last).decode()
        try:
            rows = list(csv.reader([line + "\n" for line in text.split("\n")], delimiter=self.delimiter, strict=True))
        except csv.Error:
            return 0
        return len(rows[0]) if len(rows) == 1 else 0


class _Verdict:
    """What each physical line turned out to be."""

    def __init__(self, lines: _Lines, text: Text) -> None:
        import numpy as np

        count = len(lines.starts)
        self.unread = np.zeros(count, dtype=bool)
        self.unread[[n - 1 for n in text.bad_lines]] = True
        self.blank = (lines.ends == lines.starts) & ~self.unread
        short = (lines.ends > lines.starts) & (lines.ends - lines.starts < 64) & (lines.delimiters == 0)
        for i in np.flatnonzero(short & (lines.quotes == 0)).tolist():
            self.blank[i] = not lines.raw(i).strip()
        self.begins = np.zeros(count, dtype=bool)  # a good record begins here
        self.until = np.arange(count)  # and this is its last line
        self.continues = np.zeros(count, dtype=bool)  # inside a quoted field of an earlier line


def split_records(text: Text, delimiter: str = ",") -> Records:
    """Split a decoded text into records; every physical line is counted once.

    Raises:
        BadInput: there is no header line.
    """
    import numpy as np

    lines = _Lines(text.data, delimiter)
    verdict = _Verdict(lines, text)
    content = np.flatnonzero(~verdict.blank & ~verdict.unread)
    if not len(content):
        raise BadInput("the file has no header line", where=text.name, remedy="export it again, or remove it")
    head = int(content[0])
    header = next(csv.reader([lines.raw(head).decode()], delimiter=delimiter))
    _judge(lines, verdict, len(header), head)
    wrong = ~verdict.begins & ~verdict.blank & ~verdict.unread & ~verdict.continues
    wrong[: head + 1] = False
    bad = [describe(i + 1, lines.raw(i), _why(lines, i, len(header))) for i in np.flatnonzero(wrong).tolist()]
    first = np.flatnonzero(verdict.begins)
    return Records(
        header=[cell.strip() for cell in header],
        starts=lines.starts[first], ends=lines.ends[verdict.until[first]], lines=first.astype(np.int64) + 1,
        quoted=bool(verdict.continues.any()), bad=sorted([*text.bad_lines.values(), *bad], key=lambda b: b.line),
        physical=len(lines.starts), blank=int((verdict.blank & ~verdict.continues).sum()),
        continuations=int(verdict.continues.sum()),
    )  # fmt: skip


def _judge(lines: _Lines, verdict: _Verdict, width: int, head: int) -> None:
    """Decide for every line below the header; a line without a quote is good when it has enough delimiters."""
    import numpy as np

    verdict.begins[:] = ~verdict.blank & ~verdict.unread & (lines.delimiters == width - 1)
    verdict.begins[: head + 1] = False
    odd = np.flatnonzero(lines.quotes % 2 == 1)
    quoted = np.flatnonzero(lines.quotes > 0)
    quoted = quoted[quoted > head]
    verdict.begins[quoted] = False
    ordinary, whole, done = _one_line(lines.delimiter, width), [], head
    for i, start, end in zip(*(a.tolist() for a in (quoted, lines.starts[quoted], lines.ends[quoted])), strict=True):
        if i <= done:
            continue
        if ordinary.fullmatch(lines.data, start, end) or lines.fields(i) == width:
            whole.append(i)
        elif lines.quotes[i] % 2:
            place = int(np.searchsorted(odd, i, side="right"))
            last = int(odd[place]) if place < len(odd) else -1
            if 0 < last - i <= LONGEST and _is_one_record(lines, i, last, width):
                whole.append(i)
                verdict.until[i] = done = last
                verdict.begins[i + 1 : last + 1] = False
                verdict.continues[i + 1 : last + 1] = True
    verdict.begins[whole] = True


def _one_line(delimiter: str, width: int) -> re.Pattern[bytes]:
    """A strict record of `width` fields on one line: the quick answer for exports that quote every cell."""
    mark = re.escape(delimiter)
    cell = f'(?:"[^"]*+(?:""[^"]*+)*+"|[^"{mark}]*+)'
    return re.compile(f"{cell}(?:{mark}{cell}){{{width - 1}}}".encode())


def _is_one_record(lines: _Lines, first: int, last: int, width: int) -> bool:
    """Whether lines `first` to `last` are one record with line breaks inside quotes, not a stray quote's haul."""
    if lines.fields(first, last) != width:
        return False
    whole = sum(1 for i in range(first + 1, last + 1) if lines.fields(i) == width)
    return whole == 0 or (whole <= 2 and lines.delimiters[first] < width - 1)


def _why(lines: _Lines, i: int, width: int) -> str:
    found = lines.fields(i)
    if found == 0:
        return "the line has a broken quote"
    return f"the line has {found} fields where the header has {width}"
