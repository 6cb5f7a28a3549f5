"""The words of a document: from extracted pages to paragraphs, and who speaks in each.

Here: joining lines, dropping running heads, quotations, speakers, the title. Not here: whose document it is and what is stored
(`documents`), what the words mean (`uam_platform.evidence`). Pure text; the caller redacts.

In a document that quotes, what stands in quotation marks is a customer's and the rest its author's, one of ours. In a transcript each
line begins with its speaker: staff by the names that help desk, CRM and call recorder know, everybody else a customer. Where neither
is so nobody can tell: `unknown`, which is read like a customer's words.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

_QUOTED: Final = re.compile(r"[“„«\"]([^“”„«»\"]{12,})[”“»\"]")
_LEAST_QUOTED_WORDS: Final = 4
_SPEAKER: Final = re.compile(
    r"^(?:\[[\d:., ]+\]\s*|\(?\d{1,2}:\d{2}(?::\d{2})?\)?\s*)?([^\W\d_][\w .'’-]{1,40}):\s+(?=\S)"
)
_LEAST_SPEECHES: Final = 3
_SPEECHES_EACH: Final = 1.5
_ITEM: Final = re.compile(r"^\s*(?:[-*•‣–]|\d{1,3}[.)])\s+")
_END: Final = re.compile(r"[.!?:;”\"»)]$")
_HEADING: Final = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_MARKUP: Final = (
    (re.compile(r"```.*?```", re.DOTALL), " "),
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), " "),
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),
    (re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"\1"),
)
_QUOTE_BLOCK: Final = re.compile(r"(?:^>.*\n?)+", re.MULTILINE)
_QUOTE_MARK: Final = re.compile(r"^>\s?", re.MULTILINE)
_SHORT_LINE: Final = 0.75
_LONGEST_TITLE: Final = 120
_LEAST_PAGES_OF_A_HEAD: Final = 3
_PAGE_NUMBER: Final = re.compile(r"^\W*(?:page\s*)?\d+(?:\s*(?:/|of)\s*\d+)?\W*$", re.IGNORECASE)


@dataclass(frozen=True)
class Passage:
    """What one voice says in one paragraph: page from 1, position on the page from 1, customer, agent or unknown."""

    page_no: int
    position: int
    author_kind: str
    text: str


def title_of(pages: Sequence[str], is_markdown: bool) -> str | None:
    """The first heading of Markdown, else a first line that is short and no sentence."""
    lines = [line.strip() for line in (pages[0] if pages else "").splitlines() if line.strip()]
    if is_markdown:
        return next((found[1] for line in lines if (found := _HEADING.match(line)) and found[1]), None)
    first = lines[0] if lines else ""
    return first if first and len(first) <= _LONGEST_TITLE and not _END.search(first) else None


def passages(pages: Sequence[str], is_markdown: bool, staff: Collection[str]) -> list[Passage]:
    """Passages of a document in their order.

    Args:
        pages: text by page.
        is_markdown: marks of Markdown are taken out.
        staff: names of our own people, casefolded.
    """
    by_page = [paragraphs(page, is_markdown) for page in without_heads(pages)]
    everything = [paragraph for page in by_page for paragraph in page]
    quotes = any(_quotations(paragraph) for paragraph in everything)
    is_spoken = _is_spoken(everything)
    found: list[Passage] = []
    for page_no, page in enumerate(by_page, 1):
        voices = [voice for paragraph in page for voice in _voices(paragraph, quotes, is_spoken, staff)]
        found += [Passage(page_no, position, kind, text) for position, (kind, text) in enumerate(voices, 1)]
    return found


def _is_spoken(everything: Sequence[str]) -> bool:
    """Whether paragraphs begin with speakers: the same names come again, as "Scope:" and "Next steps:" do not."""
    found = [label[1] for each in everything if not _quotations(each) and (label := _SPEAKER.match(each))]
    return len(found) >= _LEAST_SPEECHES and len(found) >= _SPEECHES_EACH * len(set(found))


def _voices(paragraph: str, quotes: bool, is_spoken: bool, staff: Collection[str]) -> list[tuple[str, str]]:
    if quoted := _quotations(paragraph):
        rest = _QUOTED.sub(lambda found: " " if found[1] in quoted else found[0], paragraph)
        rest = " ".join(rest.split()).strip(" :,–-")
        return [
            *((("agent", rest),) if any(c.isalpha() for c in rest) else ()),
            *(("customer", each) for each in quoted),
        ]
    if is_spoken and (speaker := _SPEAKER.match(paragraph)):
        kind = "agent" if " ".join(speaker[1].casefold().split()) in staff else "customer"
        return [(kind, paragraph[speaker.end() :])]
    return [("agent" if quotes else "unknown", paragraph)]


def _quotations(paragraph: str) -> list[str]:
    """What stands in quotation marks and is long enough to be said, not named."""
    return [each for each in _QUOTED.findall(paragraph) if len(each.split()) >= _LEAST_QUOTED_WORDS]


def without_heads(pages: Sequence[str]) -> list[str]:
    """Pages without the first and last lines that most of them share, and without page numbers."""
    lines = [[line for line in page.splitlines()] for page in pages]
    if len(pages) < _LEAST_PAGES_OF_A_HEAD:
        return list(pages)
    edges: Counter[str] = Counter()
    for page in lines:
        filled = [line.strip() for line in page if line.strip()]
        edges.update({*filled[:2], *filled[-2:]})
    heads = {line for line, count in edges.items() if count > len(pages) / 2}
    return [
        "\n".join(line for line in page if line.strip() not in heads and not _PAGE_NUMBER.match(line.strip() or "x"))
        for page in lines
    ]


def paragraphs(page: str, is_markdown: bool) -> list[str]:
    """Paragraphs of a page, each on one line: blank lines, list items and headings part them, other line ends do not."""
    if is_markdown:
        page = _plain(page)
    lines = page.splitlines()
    longest = max((len(line) for line in lines), default=0)
    found: list[list[str]] = []
    before = ""
    for line in lines:
        text = line.strip()
        if text and (not before or _begins(text, before, longest)):
            found.append([])
        if text:
            found[-1].append(text)
        before = text
    return [joined for part in found if (joined := _joined(part))]


def _begins(line: str, before: str, longest: int) -> bool:
    """Whether a line begins a paragraph although no blank line precedes it."""
    if _ITEM.match(line) or _SPEAKER.match(line):
        return True
    return bool(_END.search(before)) and len(before) < _SHORT_LINE * longest


def _joined(lines: Sequence[str]) -> str:
    text = ""
    for line in lines:
        is_cut_word = text.endswith("-") and text[-2:-1].isalpha() and line[:1].islower()
        text = text[:-1] + line if is_cut_word else f"{text} {line}".strip()
    return " ".join(_ITEM.sub("", text).split())


def _plain(text: str) -> str:
    for shape, instead in _MARKUP:
        text = shape.sub(instead, text)
    text = _QUOTE_BLOCK.sub(lambda found: "\n" + _QUOTE_MARK.sub("", found[0]) + "\n", text)
    headed = (_HEADING.sub(r"\n\1\n", line) for line in text.splitlines())
    return "\n".join(headed)
