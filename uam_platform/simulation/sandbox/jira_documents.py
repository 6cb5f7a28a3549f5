"""Atlassian Document Format as Jira accepts it.

Belongs here: which nodes may stand where, and the longest text. Does not belong here: issues (`jira_issues.py`). The nodes are those of
Atlassian's JSON schema that a writer of issues needs; any other is refused.
"""

import json
from typing import Any, Final

LONGEST: Final = 32_767
TOO_LONG: Final = "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
_BLOCKS: Final = frozenset({"paragraph", "bulletList", "orderedList", "heading", "table", "rule", "codeBlock", "panel"})
_CHILDREN: Final = {
    "doc": _BLOCKS,
    "paragraph": frozenset({"text", "hardBreak"}),
    "heading": frozenset({"text", "hardBreak"}),
    "codeBlock": frozenset({"text"}),
    "bulletList": frozenset({"listItem"}),
    "orderedList": frozenset({"listItem"}),
    "listItem": frozenset({"paragraph", "bulletList", "orderedList", "codeBlock"}),
    "panel": frozenset({"paragraph", "heading", "bulletList", "orderedList"}),
    "table": frozenset({"tableRow"}),
    "tableRow": frozenset({"tableHeader", "tableCell"}),
    "tableHeader": _BLOCKS - {"table"},
    "tableCell": _BLOCKS - {"table"},
}
_NEVER_EMPTY: Final = frozenset({"bulletList", "orderedList", "listItem", "table", "tableRow"})
_MARKS: Final = frozenset({"strong", "em", "code", "link", "strike", "underline"})


def problem(document: Any) -> str | None:
    """What is wrong with a document, in Jira's words; None when nothing is."""
    if not isinstance(document, dict) or document.get("type") != "doc" or document.get("version") != 1:
        return "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
    if len(json.dumps(document, ensure_ascii=False, separators=(",", ":"))) > LONGEST:
        return TOO_LONG
    return None if _is_sound(document) else "INVALID_INPUT"


def _is_sound(node: dict[str, Any]) -> bool:
    kind = node.get("type")
    if kind == "text":
        return bool(node.get("text")) and all(mark.get("type") in _MARKS for mark in node.get("marks", ()))
    if kind in ("hardBreak", "rule"):
        return True
    allowed = _CHILDREN.get(str(kind))
    content = node.get("content", [])
    if allowed is None or (kind in _NEVER_EMPTY and not content):
        return False
    if kind == "heading" and (node.get("attrs") or {}).get("level") not in range(1, 7):
        return False
    return all(isinstance(child, dict) and child.get("type") in allowed and _is_sound(child) for child in content)
