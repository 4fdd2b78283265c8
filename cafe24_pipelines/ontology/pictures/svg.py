"""The few shapes that pictures are made of, as SVG text, and how wide a text is.

Fonts are whatever the reader's machine has for Korean, so widths are estimated on the wide side. Does not belong
here: what is drawn.
"""

from html import escape
from typing import Final

from cafe24_pipelines.ontology.browser.look import INK

FONTS: Final = "Pretendard, 'Noto Sans KR', 'Noto Sans CJK KR', 'Apple SD Gothic Neo', 'Malgun Gothic', sans-serif"
GREY: Final = "#5A6472"


def text_width(text: str, size: float) -> float:
    """Estimated width in pixels: a Korean letter is one em, a Latin one a little more than half."""
    return size * sum(
        1.0 if ord(c) > 0x2E7F else 0.68 if c.isupper() else 0.4 if c in " .,/|'" else 0.57 for c in text
    )


def fitted(text: str, size: float, width: float) -> str:
    """The text, cut with an ellipsis so that it is no wider than `width`."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def wrapped(text: str, size: float, width: float, lines: int) -> list[str]:
    """The text broken at spaces into at most so many lines; the last one is cut if need be."""
    done, words = [""], text.split(" ")
    for i, word in enumerate(words):
        longer = f"{done[-1]} {word}".strip()
        if text_width(longer, size) <= width or not done[-1]:
            done[-1] = longer
        elif len(done) == lines:
            done[-1] = fitted(" ".join([done[-1], *words[i:]]), size, width)
            break
        else:
            done.append(word)
    return [fitted(line, size, width) for line in done]


def text(
    x: float, y: float, words: str, size: float, *, color: str = INK, bold: bool = False, at: str = "middle"
) -> str:
    """Words with their baseline at `y`; `at` is start, middle or end."""
    weight = ' font-weight="700"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{color}" text-anchor="{at}"{weight}>'
        f"{escape(words, quote=False)}</text>"
    )


def box(
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    fill: str,
    line: str = "none",
    radius: float = 8,
    opacity: float = 1,
) -> str:
    """A rounded rectangle by its upper left corner."""
    clear = f' opacity="{opacity:g}"' if opacity < 1 else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:g}" fill="{fill}" '
        f'stroke="{line}"{clear}/>'
    )


def curve(data: str, color: str, *, width: float = 1.4, ends: str = "", dashed: bool = False) -> str:
    """A path with arrow heads at its start (`<`), its end (`>`) or both (`<>`)."""
    name = color.removeprefix("#")
    marks = f' marker-start="url(#a{name})"' if "<" in ends else ""
    marks += f' marker-end="url(#a{name})"' if ">" in ends else ""
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<path d="{data}" fill="none" stroke="{color}" stroke-width="{width:g}"{dash}{marks}/>'


def document(width: float, height: float, title: str, shapes: list[str], arrows: set[str]) -> str:
    """A whole picture on white; `arrows` are the colours whose arrow heads it uses."""
    heads = "".join(
        f'<marker id="a{c.removeprefix("#")}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto-start-reverse"><path d="M0 0.6L8 4L0 7.4z" fill="{c}"/></marker>'
        for c in sorted(arrows)
    )
    body = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" font-family="{FONTS}" role="img">\n<title>{escape(title)}</title>\n'
        f"<defs>{heads}</defs>\n"
        f"{box(0, 0, width, height, fill='#FFFFFF', radius=12)}\n{body}\n</svg>\n"
    )
