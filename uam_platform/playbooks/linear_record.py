"""What an alert becomes in Linear: an issue in Markdown, its attachment, a comment, and the documents that write them.

Here: GraphQL documents, their inputs, and the ids that make each of them exist once. Not here: words (`issue`), sending (`linear`).
Every document is a valid one of Linear's public schema (linear/linear, packages/sdk/src/schema.graphql).
"""

import hashlib
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from uam_platform.contracts.money import dollars
from uam_platform.playbooks import issue

DESCRIPTION_LIMIT: Final = 30_000
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|#~])")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
Payload = Mapping[str, Any]
Input = dict[str, Any]

LOOK: Final = """
query Look($issue: ID!, $comment: ID!) {
  issues(filter: {id: {eq: $issue}}, includeArchived: true, first: 1) {
    nodes { id identifier state { type } team { id } attachments(first: 50) { nodes { url } } }
  }
  comments(filter: {id: {eq: $comment}}, includeArchived: true, first: 1) { nodes { id } }
}
"""
TEAM: Final = """
query Team($filter: TeamFilter!) {
  teams(filter: $filter, first: 1) { nodes { id key name states(first: 50) { nodes { id type position } } } }
}
"""
CREATE: Final = """
mutation Create($input: IssueCreateInput!) { issueCreate(input: $input) { success issue { id identifier } } }
"""
CHANGE: Final = """
mutation Change($id: String!, $input: IssueUpdateInput!) { issueUpdate(id: $id, input: $input) { success } }
"""
ATTACH: Final = """
mutation Attach($input: AttachmentCreateInput!) { attachmentCreate(input: $input) { success attachment { id } } }
"""
COMMENT: Final = """
mutation Comment($input: CommentCreateInput!) { commentCreate(input: $input) { success comment { id } } }
"""
VIEWER: Final = "query Viewer { viewer { id name organization { name } } }"


def entity_id(what: str, key: str) -> str:
    """The id under which an action's issue or comment exists: made from its key, in the form of a random UUID, as Linear wants it."""
    return str(uuid.UUID(bytes=hashlib.sha256(f"{what}\n{key}".encode()).digest()[:16], version=4))


def team_by(target: str) -> tuple[str, Input]:
    """Document and variables that ask for a team by key or id."""
    by = "id" if _UUID.fullmatch(target) else "key"
    return TEAM, {"filter": {by: {"eq": target}}}


def new_issue(payload: Payload, key: str, team_id: str) -> Input:
    """Input that creates the issue.

    Args:
        payload: what the catalogue froze, with `status` and `as_of` from the ledger.
        key: the action's idempotency key.
        team_id: id of the team.
    """
    return {"id": entity_id("issue", key), "teamId": team_id, **text_fields(payload, key)}


def text_fields(payload: Payload, key: str) -> Input:
    """What follows the finding; everything else belongs to people from then on."""
    said = issue.build(payload)
    return {"title": said.title, "description": _description(said, key)}


def attachment(payload: Payload, key: str, issue_id: str, url: str) -> Input:
    """The affected accounts as an attachment; the same address on the same issue changes the one that is there."""
    said = issue.build(payload)
    at_risk = f"{dollars(payload['revenue_at_risk_usd_cents'])} of {dollars(payload['arr_usd_cents'])}"
    return {
        "issueId": issue_id,
        "url": url,
        "title": said.heading,
        "subtitle": f"{at_risk} a year at risk, as of {payload['as_of']}",
        "metadata": {"action": key, "accounts": said.account_count, "evidence": str(payload["evidence_id"])},
    }


def comment(payload: Payload, key: str, issue_id: str) -> Input:
    """Input of the comment on a change."""
    text = f"{_escaped(issue.change(payload))}\n\n{mark(key)}"
    return {"id": entity_id("comment", key), "issueId": issue_id, "body": text}


def mark(key: str) -> str:
    """The line that names the action, for people and reports."""
    return f"uam action {key}"


def _description(said: issue.Issue, key: str) -> str:
    shown = len(said.accounts)
    while len(text := _laid_out(said, key, shown)) > DESCRIPTION_LIMIT and shown:
        shown -= 1
    return text


def _laid_out(said: issue.Issue, key: str, shown: int) -> str:
    facts = "\n".join(f"- **{name}:** {_escaped(value)}" for name, value in said.facts)
    table = [_row(issue.COLUMNS), _row(["---"] * len(issue.COLUMNS)), *map(_cells, said.accounts[:shown])]
    more = said.more(shown)
    parts = [_escaped(said.summary), facts, f"### {said.heading}", "\n".join(table), *([more] if more else [])]
    return "\n\n".join([*parts, f"{_escaped(said.footer)}\n{mark(key)}"])


def _cells(values: Sequence[str]) -> str:
    return _row([_escaped(value) for value in values])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
