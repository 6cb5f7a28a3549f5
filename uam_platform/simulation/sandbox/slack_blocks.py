"""Block Kit limits.

Belongs here: what makes Slack refuse the blocks of a message. Does not belong here: sending (`slack.py`). A finding reads
as Slack words it, with a JSON pointer to the offending place. Source: Slack's block reference; the limit on the total
is not documented but observed (slackapi/bolt-js issue 2509).
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

MESSAGE_BLOCKS: Final = 50
TOTAL_CHARACTERS: Final = 13_200
MARKDOWN_CHARACTERS: Final = 12_000
_TEXT: Final = 3000
_FIELD: Final = 2000
_HEADER: Final = 150
_IDENTIFIER: Final = 255
_BUTTON: Final = {"value": 2000, "url": 3000}

Block = dict[str, Any]
Findings = Iterator[str]


def findings(blocks: Any) -> list[str]:
    """List every broken rule of a message's blocks; empty when Slack would take them."""
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        return ["[ERROR] must be an array of objects [json-pointer:/blocks]"]
    found = list(_more_than(blocks, MESSAGE_BLOCKS, "/blocks"))
    for index, block in enumerate(blocks):
        try:
            found += _block(block, f"/blocks/{index}")
        except (AttributeError, TypeError):  # a list or an object is missing where the block's form needs one
            found.append(f"[ERROR] malformed block [json-pointer:/blocks/{index}]")
    markdown = sum(len(str(b.get("text", ""))) for b in blocks if b.get("type") == "markdown")
    if markdown > MARKDOWN_CHARACTERS:
        found.append(f"[ERROR] markdown must be less than {MARKDOWN_CHARACTERS + 1} characters [json-pointer:/blocks]")
    return found


def total_characters(blocks: list[Block]) -> int:
    """Count the characters of all texts of a message."""
    return sum(len(text) for block in blocks for text in _texts(block))


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "text" and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)


def _block(block: Block, at: str) -> Findings:
    kind = block.get("type")
    rule = _RULES.get(str(kind))
    if rule is None:
        yield f"[ERROR] unsupported type: {kind} [json-pointer:{at}/type]"
        return
    yield from _too_long(block.get("block_id"), _IDENTIFIER, f"{at}/block_id")
    yield from rule(block, at)


def _section(block: Block, at: str) -> Findings:
    if not block.get("text") and not block.get("fields"):
        yield f"[ERROR] missing required field: text or fields [json-pointer:{at}]"
    if block.get("text") is not None:
        yield from _text(block["text"], _TEXT, f"{at}/text")
    fields = block.get("fields") or []
    yield from _more_than(fields, 10, f"{at}/fields")
    for index, field in enumerate(fields):
        yield from _text(field, _FIELD, f"{at}/fields/{index}")
    if block.get("accessory"):
        yield from _element(block["accessory"], f"{at}/accessory")


def _header(block: Block, at: str) -> Findings:
    yield from _text(block.get("text"), _HEADER, f"{at}/text", types=("plain_text",))


def _context(block: Block, at: str) -> Findings:
    elements = block.get("elements") or []
    yield from _some(elements, 10, f"{at}/elements")
    for index, element in enumerate(elements):
        place = f"{at}/elements/{index}"
        yield from _image(element, place) if element.get("type") == "image" else _text(element, _TEXT, place)


def _actions(block: Block, at: str) -> Findings:
    elements = block.get("elements") or []
    yield from _some(elements, 25, f"{at}/elements")
    for index, element in enumerate(elements):
        yield from _element(element, f"{at}/elements/{index}")


def _image(block: Block, at: str) -> Findings:
    if not block.get("image_url") and not block.get("slack_file"):
        yield f"[ERROR] missing required field: image_url [json-pointer:{at}]"
    if not block.get("alt_text"):
        yield f"[ERROR] missing required field: alt_text [json-pointer:{at}]"
    yield from _too_long(block.get("image_url"), 3000, f"{at}/image_url")
    yield from _too_long(block.get("alt_text"), 2000, f"{at}/alt_text")


def _markdown(block: Block, at: str) -> Findings:
    if not block.get("text"):
        yield f"[ERROR] must be more than 0 characters [json-pointer:{at}/text]"


def _free(block: Block, at: str) -> Findings:
    """Accept a block whose inside has no limit that matters here."""
    yield from ()


def _element(element: Block, at: str) -> Findings:
    yield from _too_long(element.get("action_id"), _IDENTIFIER, f"{at}/action_id")
    if element.get("type") != "button":
        return
    yield from _text(element.get("text"), 75, f"{at}/text", types=("plain_text",))
    for name, limit in _BUTTON.items():
        yield from _too_long(element.get(name), limit, f"{at}/{name}")


def _text(text: Any, limit: int, at: str, types: tuple[str, ...] = ("plain_text", "mrkdwn")) -> Findings:
    if not isinstance(text, dict) or text.get("type") not in types:
        yield f"[ERROR] must be a text object of type {' or '.join(types)} [json-pointer:{at}]"
        return
    if not text.get("text"):
        yield f"[ERROR] must be more than 0 characters [json-pointer:{at}/text]"
    yield from _too_long(text.get("text"), limit, f"{at}/text")


def _too_long(value: Any, limit: int, at: str) -> Findings:
    if isinstance(value, str) and len(value) > limit:
        yield f"[ERROR] must be less than {limit + 1} characters [json-pointer:{at}]"


def _more_than(items: list[Any], limit: int, at: str) -> Findings:
    if len(items) > limit:
        yield f"[ERROR] no more than {limit} items allowed [json-pointer:{at}]"


def _some(items: list[Any], limit: int, at: str) -> Findings:
    if not items:
        yield f"[ERROR] must provide at least 1 item [json-pointer:{at}]"
    yield from _more_than(items, limit, at)


_RULES: Final[dict[str, Callable[[Block, str], Findings]]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "markdown": _markdown,
    "divider": _free,
    "rich_text": _free,
    "input": _free,
    "video": _free,
    "file": _free,
    "table": _free,
}
