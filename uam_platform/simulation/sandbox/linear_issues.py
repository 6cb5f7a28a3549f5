"""Teams, issues, comments and attachments of the sandbox's Linear.

Belongs here: validation, what exists once, the durable record. Does not belong here: HTTP and GraphQL (`linear.py`). An id that a client
sets is a primary key: a second entity under it is refused. An attachment is one per issue and address.
"""

import threading
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from uam_platform.simulation.sandbox.received import Journal

TEAMS: Final = {"PROD": "Product", "PRODOPS": "Product operations"}
STATE_TYPES: Final = ("triage", "backlog", "unstarted", "started", "completed", "canceled")
LONGEST_TITLE: Final = 255
_SPACE: Final = uuid.UUID("6d4f2b64-0000-4000-8000-000000000000")


class LinearError(ValueError):
    """Something that Linear would refuse as the user's error."""


@dataclass
class Issue:
    """One issue."""

    id: str
    identifier: str
    team: str
    fields: dict[str, Any]
    state: str
    comments: list[dict[str, Any]] = field(default_factory=list)
    attachments: dict[str, dict[str, Any]] = field(default_factory=dict)


def entity(*names: str) -> str:
    """A fixed id of something that the sandbox always has."""
    return str(uuid.UUID(bytes=uuid.uuid5(_SPACE, "/".join(names)).bytes, version=4))


class Issues:
    """All issues, rebuilt from the journal at start.

    Args:
        journal: Where accepted writes are recorded.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self.issues: dict[str, Issue] = {}
        for entry in journal.entries():
            self._apply(entry)

    def create(self, fields: dict[str, Any]) -> Issue:
        """Make an issue.

        Raises:
            LinearError: No such team, no title, an id that is none or is taken.
        """
        team = next((key for key in TEAMS if entity("team", key) == fields["teamId"]), None)
        if team is None:
            raise LinearError("Entity not found: Team")
        _check(fields)
        with self._lock:
            made = self._fresh(fields.get("id"), "issue")
            serial = 1 + sum(issue.team == team for issue in self.issues.values())
            entry = {"object": "issue", "created": True, "id": made, "identifier": f"{team}-{serial}", "team": team}
            self._record({**entry, "fields": fields})
        return self.issues[made]

    def update(self, issue_id: str, fields: dict[str, Any]) -> Issue:
        """Overwrite fields of an issue.

        Raises:
            LinearError: No such issue or state.
        """
        issue = self._issue(issue_id)
        _check(fields, is_new=False)
        if "stateId" in fields and fields["stateId"] not in {entity("state", issue.team, t) for t in STATE_TYPES}:
            raise LinearError("Entity not found: WorkflowState")
        with self._lock:
            self._record({"object": "edit", "created": False, "id": issue.id, "fields": fields})
        return issue

    def comment(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Add a comment.

        Raises:
            LinearError: No such issue, no text, an id that is none or is taken.
        """
        issue = self._issue(str(fields.get("issueId")))
        if not fields.get("body"):
            raise LinearError("body should not be empty")
        with self._lock:
            made = self._fresh(fields.get("id"), "comment")
            self._record(
                {"object": "comment", "created": True, "id": issue.id, "comment": made, "body": fields["body"]}
            )
        return issue.comments[-1]

    def attach(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Add an attachment, or change the one of this address.

        Raises:
            LinearError: No such issue, or an address that is none.
        """
        issue = self._issue(str(fields["issueId"]))
        if not str(fields["url"]).startswith(("http://", "https://")):
            raise LinearError("url must be a valid URL")
        with self._lock:
            is_new = fields["url"] not in issue.attachments
            self._record({"object": "attachment", "created": False, "is_new": is_new, "id": issue.id, "fields": fields})
        return issue.attachments[fields["url"]]

    def _issue(self, issue_id: str) -> Issue:
        found = next((i for i in self.issues.values() if issue_id in (i.id, i.identifier)), None)
        if found is None:
            raise LinearError("Entity not found: Issue")
        return found

    def _fresh(self, wanted: str | None, what: str) -> str:
        taken = {*self.issues, *(c["id"] for i in self.issues.values() for c in i.comments)}
        if wanted is None:
            return entity(what, str(len(taken)))
        try:
            is_random = uuid.UUID(wanted).version == 4
        except ValueError:
            is_random = False
        if not is_random:
            raise LinearError("id must be a UUID")
        if wanted in taken:
            raise LinearError(f"Entity with id {wanted} already exists")
        return wanted

    def _record(self, entry: dict[str, Any]) -> None:
        self._journal.append(entry)
        self._apply(entry)

    def _apply(self, entry: dict[str, Any]) -> None:
        if entry["object"] == "issue":
            fields = dict(entry["fields"])
            made = Issue(entry["id"], entry["identifier"], entry["team"], fields, "backlog")
            self.issues[made.id] = made
            return
        issue = self.issues[entry["id"]]
        if entry["object"] == "comment":
            issue.comments.append({"id": entry["comment"], "body": entry["body"]})
        elif entry["object"] == "attachment":
            fields = entry["fields"]
            known = issue.attachments.get(fields["url"]) or {"id": entity("attachment", issue.id, fields["url"])}
            issue.attachments[fields["url"]] = {**known, **fields}
        else:
            issue.fields.update(entry["fields"])
            moved = (t for t in STATE_TYPES if entity("state", issue.team, t) == entry["fields"].get("stateId"))
            issue.state = next(moved, issue.state)


def _check(fields: dict[str, Any], *, is_new: bool = True) -> None:
    title = fields.get("title")
    if (is_new or "title" in fields) and not str(title or "").strip():
        raise LinearError("title should not be empty")
    if len(str(title or "")) > LONGEST_TITLE:
        raise LinearError(f"title must be shorter than or equal to {LONGEST_TITLE} characters")
