"""Issues, comments and statuses of the sandbox's Jira.

Belongs here: projects, validation, the durable record. Does not belong here: HTTP (`jira.py`), search (`jira_search.py`), documents
(`jira_documents.py`). Every issue that is asked for is made: Jira knows no idempotency key.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from uam_platform.simulation.sandbox import jira_documents
from uam_platform.simulation.sandbox.received import Journal

PROJECTS: Final = {"OPS": "Operations", "PROD": "Product", "ONB": "Onboarding"}
TYPES: Final = {"10001": "Task", "10002": "Bug"}
STATUSES: Final = {
    "10000": ("To Do", "new", 2),
    "10001": ("In Progress", "indeterminate", 4),
    "10002": ("Done", "done", 3),
}
"""Name, key and id of the category, by id of the status."""
TRANSITIONS: Final = {"11": "10000", "21": "10001", "31": "10002"}
_FIELDS: Final = frozenset("project issuetype summary description labels priority assignee duedate".split())
_ELSEWHERE: Final = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
_FIRST_ID: Final = 10_000

Fields = dict[str, Any]


class JiraError(ValueError):
    """A call that Jira would refuse: messages, or errors by field."""

    def __init__(self, status: int, *messages: str, **errors: str) -> None:
        super().__init__("; ".join([*messages, *errors.values()]))
        self.status = status
        self.messages = list(messages)
        self.errors = errors


@dataclass
class Issue:
    """One issue."""

    number: int
    key: str
    made_at: float
    fields: Fields
    properties: dict[str, Any] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    status: str = "10000"


class Issues:
    """All issues, rebuilt from the journal at start.

    Args:
        journal: Where accepted writes are recorded.
        clock: Monotonic seconds; tells how long an issue has existed.
    """

    def __init__(self, journal: Journal, clock: Callable[[], float]) -> None:
        self._journal = journal
        self._clock = clock
        self._lock = threading.Lock()
        self._issues: dict[int, Issue] = {}
        for entry in journal.entries():
            self._apply(entry)

    def all(self) -> list[Issue]:
        """Every issue, oldest first."""
        return list(self._issues.values())

    def get(self, id_or_key: str) -> Issue:
        """An issue by id or key.

        Raises:
            JiraError: There is none.
        """
        for issue in self._issues.values():
            if id_or_key in (str(issue.number), issue.key):
                return issue
        raise JiraError(404, "Issue does not exist or you do not have permission to see it.")

    def create(self, body: Fields) -> Issue:
        """Make one more issue.

        Raises:
            JiraError: A field is missing or not acceptable.
        """
        fields = dict(body.get("fields") or {})
        project = (fields.get("project") or {}).get("key")
        if project not in PROJECTS:
            raise JiraError(400, project="valid project is required")
        kind = fields.get("issuetype") or {}
        if kind.get("id") not in TYPES and kind.get("name") not in TYPES.values():
            raise JiraError(400, issuetype="Specify a valid issue type")
        if not str(fields.get("summary") or "").strip():
            raise JiraError(400, summary="You must specify a summary of the issue.")
        _check(fields)
        properties = {p["key"]: p["value"] for p in body.get("properties") or []}
        with self._lock:
            number = _FIRST_ID + len(self._issues)
            serial = 1 + sum(issue.key.startswith(f"{project}-") for issue in self._issues.values())
            entry = {"object": "issue", "created": True, "id": str(number), "key": f"{project}-{serial}"}
            self._record({**entry, "fields": fields, "properties": properties})
        return self._issues[number]

    def edit(self, issue: Issue, body: Fields) -> None:
        """Overwrite fields and properties.

        Raises:
            JiraError: A field is not acceptable.
        """
        fields = dict(body.get("fields") or {})
        _check(fields)
        properties = {p["key"]: p["value"] for p in body.get("properties") or []}
        self._write("edit", issue, fields=fields, properties=properties)

    def comment(self, issue: Issue, body: Fields) -> dict[str, Any]:
        """Add one more comment.

        Raises:
            JiraError: Its body is no acceptable document.
        """
        wrong = jira_documents.problem(body.get("body"))
        if wrong:
            raise JiraError(400, comment=wrong)
        self._write("comment", issue, body=body["body"])
        return issue.comments[-1]

    def move(self, issue: Issue, body: Fields) -> None:
        """Take a transition.

        Raises:
            JiraError: The workflow has no such transition.
        """
        way = str((body.get("transition") or {}).get("id"))
        if way not in TRANSITIONS:
            raise JiraError(400, f"Transition id '{way}' is not valid for this issue.")
        self._write("transition", issue, to=TRANSITIONS[way])

    def _write(self, what: str, issue: Issue, **entry: Any) -> None:
        with self._lock:
            self._record(
                {"object": what, "created": what == "comment", "id": str(issue.number), "key": issue.key, **entry}
            )

    def _record(self, entry: dict[str, Any]) -> None:
        self._journal.append(entry)
        self._apply(entry)

    def _apply(self, entry: dict[str, Any]) -> None:
        number = int(entry["id"])
        if entry["object"] == "issue":
            issue = Issue(number, entry["key"], self._clock(), dict(entry["fields"]), dict(entry["properties"]))
            self._issues[number] = issue
            return
        issue = self._issues[number]
        if entry["object"] == "edit":
            issue.fields.update(entry["fields"])
            issue.properties.update(entry["properties"])
        elif entry["object"] == "comment":
            serial = _FIRST_ID + sum(len(i.comments) for i in self._issues.values())
            issue.comments.append({"id": str(serial), "body": entry["body"]})
        else:
            issue.status = entry["to"]


def _check(fields: Fields) -> None:
    unknown = [name for name in fields if name not in _FIELDS]
    if unknown:
        raise JiraError(400, **{name: _ELSEWHERE.format(name) for name in unknown})
    summary = str(fields.get("summary") or "")
    if len(summary) > 255:
        raise JiraError(400, summary="Summary can't exceed 255 characters.")
    if re.search(r"[\r\n]", summary):
        raise JiraError(400, summary="The summary is invalid because it contains newline characters.")
    if any(not label or re.search(r"\s", label) or len(label) > 255 for label in fields.get("labels") or []):
        raise JiraError(400, labels="The label contains spaces which is invalid.")
    wrong = jira_documents.problem(fields["description"]) if "description" in fields else None
    if wrong:
        raise JiraError(400, description=wrong)
