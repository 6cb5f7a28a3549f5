"""Jira's search: a small part of JQL over an index that lags.

Belongs here: which issues a query finds. Does not belong here: HTTP (`jira.py`), issues (`jira_issues.py`). An issue is in the index only
some seconds after it was made, unless the query names it under `reconcileIssues`.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from uam_platform.simulation.sandbox.jira_issues import PROJECTS, Issue, JiraError

_ORDER: Final = re.compile(r"\s*\bORDER BY\s+created\s*(ASC|DESC)?\s*$", re.IGNORECASE)
_CLAUSE: Final = re.compile(r'\s*(project|labels)\s*=\s*"?([^"\s]+)"?\s*', re.IGNORECASE)
_MOST_RECONCILED: Final = 50
_KEYS: Final = frozenset(
    {"jql", "maxResults", "fields", "nextPageToken", "expand", "reconcileIssues", "properties", "fieldsByKeys"}
)


def search(
    issues: list[Issue], body: dict[str, Any], clock: Callable[[], float], lag_seconds: float
) -> tuple[list[Issue], str | None]:
    """One page of what a query finds, and the token of the next.

    Raises:
        JiraError: The query is unbounded, not understood, or a parameter is unknown.
    """
    unknown = set(body) - _KEYS
    told = set(body.get("reconcileIssues") or [])
    if unknown or len(told) > _MOST_RECONCILED:
        raise JiraError(400, f"Invalid request payload: {', '.join(sorted(unknown)) or 'too many issues to reconcile'}")
    wanted, is_descending = _parsed(str(body.get("jql") or ""))
    seen = [i for i in issues if i.number in told or clock() - i.made_at >= lag_seconds]
    found = [i for i in seen if all(_meets(i, name, value) for name, value in wanted)]
    found.sort(key=lambda i: i.number, reverse=is_descending)
    start, size = int(body.get("nextPageToken") or 0), int(body.get("maxResults") or 50)
    following = str(start + size) if start + size < len(found) else None
    return found[start : start + size], following


def _parsed(jql: str) -> tuple[list[tuple[str, str]], bool]:
    order = _ORDER.search(jql)
    text = jql[: order.start()] if order else jql
    if not text.strip():
        raise JiraError(
            400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
        )
    clauses: list[tuple[str, str]] = []
    for part in re.split(r"\bAND\b", text):
        clause = _CLAUSE.fullmatch(part)
        if clause is None:
            raise JiraError(400, f"Error in the JQL Query: '{part.strip()}' is not understood by this sandbox.")
        clauses.append((clause[1].lower(), clause[2]))
    for name, value in clauses:
        if name == "project" and value not in PROJECTS:
            raise JiraError(400, f"The value '{value}' does not exist for the field 'project'.")
    return clauses, bool(order and (order[1] or "").upper() == "DESC")


def _meets(issue: Issue, name: str, value: str) -> bool:
    if name == "project":
        return issue.key.startswith(f"{value}-")
    return value in (issue.fields.get("labels") or [])
