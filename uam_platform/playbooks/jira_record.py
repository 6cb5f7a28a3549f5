"""What an alert becomes in Jira: the fields of an issue, a comment, and the marks by which both are found again.

Here: Atlassian Document Format within Jira's limits. Not here: words (`issue`), sending (`jira`).
Reference: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from uam_platform.playbooks import issue
from uam_platform.policy.playbooks import JiraFields

DOCUMENT_LIMIT: Final = 30_000
"""Jira refuses a text beyond 32,767 characters, counted on what it stores; the JSON is the longest form of it."""
LABEL: Final = "uam"
PROPERTY: Final = "uam.action"
Node = dict[str, Any]
Payload = Mapping[str, Any]


def new_issue(payload: Payload, key: str, project: str, fields: JiraFields) -> Node:
    """Body of the call that creates an issue; the action's key goes along as label and property.

    Args:
        payload: what the catalogue froze, with `status` and `as_of` from the ledger.
        key: the action's idempotency key.
        project: key of the project.
        fields: type of the issue.
    """
    kind = "id" if fields.issue_type.isdigit() else "name"
    shown = {
        **text_fields(payload),
        "project": {"key": project},
        "issuetype": {kind: fields.issue_type},
        "labels": [LABEL, str(payload["detector"]).replace(" ", "-"), label(key)],
    }
    return {"fields": shown, "properties": [{"key": PROPERTY, "value": {"id": key}}]}


def text_fields(payload: Payload) -> Node:
    """Fields that follow the finding; everything else belongs to people from then on."""
    said = issue.build(payload)
    return {"summary": said.title, "description": _description(said)}


def comment(payload: Payload, key: str, extra: str = "") -> Node:
    """Body of the comment on a change; its last line carries the action's key."""
    parts = [_paragraph(_text(issue.change(payload)))]
    if extra:
        parts.append(_paragraph(_text(extra)))
    return {"body": _document([*parts, _paragraph(_text(mark(key)))])}


def label(key: str) -> str:
    """The label by which the issue of an action is found."""
    return f"uam-{key}"


def mark(key: str) -> str:
    """The line by which the comment of an action is found."""
    return f"uam action {key}"


def _description(said: issue.Issue) -> Node:
    """The whole document, with as many accounts as fit."""
    shown = len(said.accounts)
    while _size(document := _laid_out(said, shown)) > DOCUMENT_LIMIT and shown:
        shown -= 5 if shown > 5 else 1
    return document


def _size(document: Node) -> int:
    return len(json.dumps(document, ensure_ascii=False, separators=(",", ":")))


def _laid_out(said: issue.Issue, shown: int) -> Node:
    more = said.more(shown)
    facts = [_item(_text(f"{name}: ", "strong"), _text(value)) for name, value in said.facts]
    table = [_row("tableHeader", issue.COLUMNS), *(_row("tableCell", row) for row in said.accounts[:shown])]
    return _document(
        [
            _paragraph(_text(said.summary)),
            {"type": "bulletList", "content": facts},
            {"type": "heading", "attrs": {"level": 3}, "content": [_text(said.heading)]},
            {"type": "table", "content": table},
            *([_paragraph(_text(more))] if more else []),
            _paragraph(_text(said.footer, "em")),
        ]
    )


def _document(content: Sequence[Node]) -> Node:
    return {"type": "doc", "version": 1, "content": list(content)}


def _row(kind: str, cells: Sequence[str]) -> Node:
    return {
        "type": "tableRow",
        "content": [{"type": kind, "content": [_paragraph(_text(c))]} for c in cells],
    }


def _item(*nodes: Node) -> Node:
    return {"type": "listItem", "content": [_paragraph(*nodes)]}


def _paragraph(*nodes: Node) -> Node:
    return {"type": "paragraph", "content": list(nodes)}


def _text(text: str, kind: str | None = None) -> Node:
    return {"type": "text", "text": text, **({"marks": [{"type": kind}]} if kind else {})}
