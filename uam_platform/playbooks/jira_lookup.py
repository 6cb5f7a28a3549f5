"""Looking in Jira for what may have arrived: an issue by its label, an issue the index does not know yet, a comment.

Here: reading. Not here: what follows from it (`jira`). Jira's search runs behind what was written, so what it does not find may be there.
Issues of a project are numbered, and reading one by its number is current: the numbers about the newest indexed one are read.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from uam_platform.playbooks import jira_record
from uam_platform.playbooks.destination import Outcome, Result, StoppedError

if TYPE_CHECKING:
    import httpx

_RECONCILED: Final = 50
"""Most issues that a search may be told of."""
_BACK: Final = 10
_MISSES: Final = 5
_MOST_READ: Final = 60
_COMMENTS: Final = 100
_COMMENT_PAGES: Final = 20
Read = Callable[..., "httpx.Response"]


class JiraLookup:
    """Looks at one site.

    Args:
        read: one call whose answer has status 200, or it raises `StoppedError`.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._made: list[int] = []

    def remember(self, number: str) -> None:
        """An issue made just now: searches are told of it, so that they find it at once."""
        self._made = [*self._made, int(number)][-_RECONCILED:]

    def issue(self, project: str, key: str) -> str | None:
        """The oldest issue with the action's label as "KEY/number", as far as the index knows."""
        found = self._search(f'project = "{project}" AND labels = "{jira_record.label(key)}" ORDER BY created ASC', 10)
        mine = [i for i in found if jira_record.label(key) in _labels(i)]  # told issues come along unasked
        oldest = min(mine, key=lambda i: int(i["id"]), default=None)
        return f"{oldest['key']}/{oldest['id']}" if oldest else None

    def unindexed_issue(self, project: str, key: str) -> str | None:
        """The issue with the action's label among the newest of the project, read one by one past the index."""
        newest = self._search(f'project = "{project}" ORDER BY created DESC', 1)
        named = (str(i["key"]).rpartition("-") for i in newest)
        indexed = max((int(number) for of, _, number in named if of == project), default=0)
        first, misses = max(indexed - _BACK, 1), 0
        for number in range(first, first + _MOST_READ):
            found = self._by_key(f"{project}-{number}")
            misses = 0 if found or number <= indexed else misses + 1
            if found and jira_record.label(key) in _labels(found):
                return f"{found['key']}/{found['id']}"
            if misses >= _MISSES:
                return None
        return None

    def has_comment(self, number: str, key: str) -> bool:
        """Whether a comment of the issue carries the action's key; all are read, newest first."""
        for page in range(_COMMENT_PAGES):
            params = {"orderBy": "-created", "maxResults": _COMMENTS, "startAt": page * _COMMENTS}
            body = _json(self._read("GET", "issue", number, "comment", params=params), "comments")
            if any(jira_record.mark(key) in json.dumps(comment["body"]) for comment in body["comments"]):
                return True
            if page * _COMMENTS + len(body["comments"]) >= int(body["total"]) or not body["comments"]:
                return False
        raise StoppedError(Outcome(Result.TRANSIENT, error=f"more comments on issue {number} than what is read"))

    def _search(self, jql: str, limit: int) -> list[dict[str, Any]]:
        body = {"jql": jql, "maxResults": limit, "fields": ["labels"]}
        told = {"reconcileIssues": self._made} if self._made else {}
        found: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            page = _json(self._read("POST", "search", "jql", body=body | told | token), "issues")
            found += page["issues"]
            following = page.get("nextPageToken")
            if page.get("isLast", not following) or not following or token.get("nextPageToken") == following:
                return found
            if len(found) >= limit:
                return found
            token = {"nextPageToken": str(following)}

    def _by_key(self, key: str) -> dict[str, Any] | None:
        try:
            return _json(self._read("GET", "issue", key, params={"fields": "labels"}), "fields")
        except StoppedError as stopped:
            if stopped.status == 404:
                return None
            raise


def _labels(issue: dict[str, Any]) -> list[str]:
    """Labels of an issue; none where its project does not show the field."""
    found: list[str] = issue["fields"].get("labels") or []
    return found


def _json(answer: "httpx.Response", part: str) -> dict[str, Any]:
    """An answer's object, which holds `part`.

    Raises:
        StoppedError: it does not; the answer is none of Jira's.
    """
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or part not in body:
        raise StoppedError(Outcome(Result.TRANSIENT, error="unreadable answer under HTTP 200"))
    return body
