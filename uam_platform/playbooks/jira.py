"""Jira Cloud as a destination: an issue with the affected accounts, its changes, and looking up what arrived.

Here: the steps of an attempt and what Jira's answers mean for it. Not here: HTTP (`jira_session`), layout (`jira_record`), looking for an
issue that may have been made (`jira_lookup`), pacing and retries (`deliver`).

Jira has no idempotency key. An issue carries the action's key as a label from the call that makes it, and is looked for before and after.
A change is four steps, each of which may be taken again: fields are overwritten, a transition is left out where the status is reached,
and the comment, which carries the action's key and comes last, is looked for first.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from uam_platform.ledger.outbox import OutboxAction
from uam_platform.playbooks import jira_record
from uam_platform.playbooks.destination import Lookup, Outcome, Presence, Result, Scope, StoppedError
from uam_platform.playbooks.jira_lookup import JiraLookup
from uam_platform.playbooks.jira_session import JiraSession, error_text, is_quota, pause_seconds, refused_fields
from uam_platform.policy.playbooks import JiraFields

if TYPE_CHECKING:
    import httpx

TARGET_FIELDS: Final = frozenset({"project", "pid", "issuetype", "labels"})
"""An error on one of these is met by every issue of the project."""
_DONE: Final = "done"
_WANTED: Final = {"resolved": (_DONE,), "reopened": ("new", "indeterminate")}
"""Categories of status that an issue is moved to, best first."""
_REFUSED_MOVES: Final = frozenset({400, 403, 404, 409, 422})


class JiraDestination:
    """Jira behind the `Destination` protocol.

    Args:
        session: calls to the site.
        fields: type of issues, what is done on resolve.
    """

    def __init__(self, session: JiraSession, fields: JiraFields) -> None:
        self._session = session
        self._fields = fields
        self._lookup = JiraLookup(self._read)

    def deliver(self, action: OutboxAction, now: datetime) -> Outcome:
        """Create or change an issue once; `now` is unused, as dates come from the snapshot."""
        try:
            return self._created(action) if action.kind == "post" else self._changed(action)
        except StoppedError as stopped:
            return stopped.outcome
        except Exception as error:  # an answer of another shape: something may have been done
            return Outcome(Result.UNKNOWN, error=_short(error))

    def reconcile(self, action: OutboxAction) -> Lookup:
        """FOUND if an issue or comment carries the action's key; an absent issue is certain once the index has had its time."""
        key = action.idempotency_key
        try:
            if action.kind == "post":
                found = self._lookup.issue(action.target, key) or self._lookup.unindexed_issue(action.target, key)
                absent = Lookup(Presence.ABSENT, certain_after_seconds=self._fields.search_lag_seconds)
                return Lookup(Presence.FOUND, found) if found else absent
            is_there = self._lookup.has_comment(_issue_id(action), key)
        except StoppedError as stopped:
            if stopped.outcome.result is Result.PERMANENT and action.kind != "post":
                return Lookup(Presence.ABSENT)  # the issue is gone, and the comment with it
            why = stopped.outcome
            pause = why.retry_after_seconds
            return Lookup(Presence.UNDECIDED, None, why.error, pause, why.is_throttled)
        except Exception as error:
            return Lookup(Presence.UNDECIDED, error=_short(error))
        return Lookup(Presence.FOUND, action.message_ref) if is_there else Lookup(Presence.ABSENT)

    def _created(self, action: OutboxAction) -> Outcome:
        found = self._lookup.issue(action.target, action.idempotency_key)
        if found:
            return Outcome(Result.SENT, external_ref=found)
        body = jira_record.new_issue(action.payload, action.idempotency_key, action.target, self._fields)
        answer = self._write("POST", "issue", body=body, target_scope=Scope.TARGET)
        try:
            made = answer.json()
            number, key = str(int(made["id"])), str(made["key"])
        except (ValueError, KeyError, TypeError):
            return Outcome(Result.UNKNOWN, error=error_text(answer))
        self._lookup.remember(number)
        return Outcome(Result.SENT, external_ref=f"{key}/{number}")

    def _changed(self, action: OutboxAction) -> Outcome:
        number, key, payload = _issue_id(action), action.idempotency_key, action.payload
        if not self._lookup.has_comment(number, key):
            category = self._category(number)
            self._write("PUT", "issue", number, body={"fields": jira_record.text_fields(payload)})
            told = self._moved(number, category, str(payload["status"]))
            self._write("POST", "issue", number, "comment", body=jira_record.comment(payload, key, told))
        return Outcome(Result.SENT, external_ref=action.message_ref)

    def _category(self, number: str) -> str:
        answer = self._read("GET", "issue", number, params={"fields": "status"})
        return str(_field(answer, "fields", "status", "statusCategory", "key"))

    def _moved(self, number: str, category: str, status: str) -> str:
        """Move the issue along with its finding; what to say where that could not be done."""
        wanted = _WANTED.get(status, ())
        is_there = category in wanted or (status == "reopened" and category != _DONE)
        if not wanted or is_there or not self._fields.close_on_resolve:
            return ""
        answer = self._read("GET", "issue", number, "transitions")
        ways = _field(answer, "transitions")
        for goal in wanted:
            way = next((w for w in ways if w["to"]["statusCategory"]["key"] == goal), None)
            if way is not None:
                return self._taken(number, str(way["id"]))
        return f"The workflow offers no way to a status of the category {wanted[0]}; please move the issue."

    def _taken(self, number: str, transition: str) -> str:
        body = {"transition": {"id": transition}}
        try:
            self._write("POST", "issue", number, "transitions", body=body)
        except StoppedError as stopped:
            if stopped.status in _REFUSED_MOVES:
                return f"The issue could not be moved ({stopped.outcome.error}); please move it."
            raise
        return ""

    def _read(self, method: str, *path: str, **arguments: Any) -> "httpx.Response":
        """An answer of status 200.

        Raises:
            StoppedError: any other answer, or none; nothing was changed.
        """
        try:
            answer = self._session.call(method, *path, **arguments)
        except Exception as error:
            raise StoppedError(Outcome(Result.TRANSIENT, error=_short(error))) from None
        if answer.status_code != 200:
            raise StoppedError(_refused(answer, Result.TRANSIENT), answer.status_code)
        return answer

    def _write(
        self, method: str, *path: str, body: dict[str, Any], target_scope: Scope = Scope.ACTION
    ) -> "httpx.Response":
        """An answer that accepts.

        Raises:
            StoppedError: any other answer, or none.
        """
        try:
            answer = self._session.call(method, *path, body=body)
        except Exception as error:
            raise StoppedError(_broken(error)) from None
        if answer.status_code not in (200, 201, 204):
            raise StoppedError(_refused(answer, Result.UNKNOWN, target_scope), answer.status_code)
        if answer.status_code == 200 and method != "PUT":  # creations say 201, changes 204
            raise StoppedError(Outcome(Result.UNKNOWN, error=error_text(answer)), answer.status_code)
        return answer


def _refused(answer: "httpx.Response", unclear: Result, not_found: Scope = Scope.ACTION) -> Outcome:
    """Class of an answer that is no success; `unclear` is what a failure of Jira's leaves behind."""
    status, text = answer.status_code, error_text(answer)
    if status == 429:
        scope = Scope.DESTINATION if is_quota(answer) else Scope.ACTION
        return Outcome(Result.TRANSIENT, None, text, pause_seconds(answer), scope, is_throttled=True)
    if status < 300 or status >= 500 or status == 408:
        return Outcome(unclear, error=text, retry_after_seconds=pause_seconds(answer))
    if status == 409:
        return Outcome(Result.TRANSIENT, error=text)
    scope = {401: Scope.DESTINATION, 403: Scope.TARGET, 404: not_found}.get(status, Scope.ACTION)
    if 300 <= status < 400:
        scope = Scope.DESTINATION  # a log-in page: the address is not the API's
    elif refused_fields(answer) & TARGET_FIELDS:
        scope = Scope.TARGET
    return Outcome(Result.PERMANENT, error=text, scope=scope)


def _broken(error: Exception) -> Outcome:
    import httpx

    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol):
        return Outcome(Result.TRANSIENT, error=_short(error))
    return Outcome(Result.UNKNOWN, error=_short(error))


def _field(answer: "httpx.Response", *path: str) -> Any:
    """A part of an answer that must be there.

    Raises:
        StoppedError: it is not; the answer is none of Jira's.
    """
    try:
        found = answer.json()
        for name in path:
            found = found[name]
    except (ValueError, KeyError, TypeError):
        raise StoppedError(Outcome(Result.TRANSIENT, error=error_text(answer))) from None
    return found


def _issue_id(action: OutboxAction) -> str:
    """Number of the issue that an update is about; a key changes when an issue is moved, the number does not."""
    return str(action.message_ref).rpartition("/")[2]


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
