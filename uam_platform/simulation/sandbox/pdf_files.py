"""Small PDF files made by hand: text over pages, a scan without text, one that is locked.

Belongs here: bytes of PDFs, the same for the same input. Does not belong here: what stands in them (`document_files.py`). The form is
ISO 32000's smallest: catalog, pages, one font (Helvetica in Windows' Latin letters), one content stream a page.
"""

import textwrap
from collections.abc import Sequence
from typing import Final

_ENCODING: Final = "cp1252"
_COLUMNS: Final = 88
_LINES: Final = 46
_TOP: Final = 780


def is_writable(text: str) -> bool:
    """Whether the one font has all letters of a text."""
    try:
        text.encode(_ENCODING)
    except UnicodeEncodeError:
        return False
    return True


def text_pdf(title: str, paragraphs: Sequence[str], lines_per_page: int = _LINES) -> bytes:
    """A PDF with the title as a running head and page numbers, paragraphs wrapped as a word processor does."""
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += [*textwrap.wrap(paragraph, _COLUMNS), ""]
    pages = [lines[first : first + lines_per_page] for first in range(0, max(len(lines), 1), lines_per_page)]
    return _file(
        [_page([title, "", *page, f"Page {number} of {len(pages)}"]) for number, page in enumerate(pages, 1)], title
    )


def scanned_pdf() -> bytes:
    """A PDF whose only page is a grey box: what a scanner makes, for whoever reads text."""
    return _file([b"0.8 g 72 72 450 650 re f"], "Scan")


def locked_pdf() -> bytes:
    """A PDF that names an encryption which no password opens."""
    secret = b"<< /Filter /Standard /V 1 /R 2 /O (" + b"o" * 32 + b") /U (" + b"u" * 32 + b") /P -4 >>"
    return _file([_page(["Nobody reads this."])], "Locked", secret)


def _page(lines: Sequence[str]) -> bytes:
    shown = b"".join(b"(" + _escaped(line) + b") Tj T*\n" for line in lines)
    return b"BT /F1 11 Tf 15 TL 56 %d Td\n" % _TOP + shown + b"ET"


def _escaped(text: str) -> bytes:
    found = text.encode(_ENCODING, "replace")
    for mark in (b"\\", b"(", b")"):
        found = found.replace(mark, b"\\" + mark)
    return found


def _file(contents: Sequence[bytes], title: str, encryption: bytes | None = None) -> bytes:
    """Objects 1 to 4 are catalog, pages, font and title; then two for each page, then the encryption."""
    kids = b" ".join(b"%d 0 R" % (5 + 2 * number) for number in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [" + kids + b"] /Count %d >>" % len(contents),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Title (" + _escaped(title) + b") >>",
    ]
    for number, content in enumerate(contents):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            b"/Contents %d 0 R >>" % (6 + 2 * number)
        )
        objects.append(b"<< /Length %d >>\nstream\n" % len(content) + content + b"\nendstream")
    trailer = b""
    if encryption is not None:
        objects.append(encryption)
        trailer = b" /Encrypt %d 0 R /ID [(0123456789abcdef) (0123456789abcdef)]" % len(objects)
    body, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    body += b"trailer\n<< /Size %d /Root 1 0 R /Info 4 0 R%s >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, trailer, start,
    )  # fmt: skip
    return bytes(body)
