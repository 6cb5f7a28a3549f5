"""Linear as a destination: an issue with the affected accounts, its changes, and looking up what arrived.

Here: the steps of an attempt and what Linear's answers mean for it. Not here: HTTP (`linear_session`), layout (`linear_record`), pacing and
retries (`deliver`).

An issue and a comment are made under ids that come from the action's key, so a second one cannot exist; an attachment is one per address.
What a second creation is answered with is not documented, so an attempt looks first, and looks again after a refusal. A first delivery is
complete with its attachment, a change with its comment.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from uam_platform.ledger.outbox import OutboxAction
from uam_platform.playbooks import linear_record
from uam_platform.playbooks.destination import Lookup, Outcome, Presence, Result, Scope, StoppedError
from uam_platform.playbooks.linear_session import (
    LinearSession,
    body_of,
    error_codes,
    error_text,
    is_users_error,
    pause_seconds,
)
from uam_platform.policy.playbooks import LinearFields

if TYPE_CHECKING:
    import httpx

RATE_LIMITED: Final = frozenset({"RATELIMITED", "RATE_LIMITED"})
AUTHENTICATION: Final = frozenset({"AUTHENTICATION_ERROR", "AUTHENTICATION_FAILED", "UNAUTHENTICATED"})
FORBIDDEN: Final = frozenset({"FORBIDDEN", "FEATURE_NOT_ACCESSIBLE"})
INPUT: Final = frozenset(
    {
        "INVALID_INPUT",
        "INPUT_ERROR",
        "BAD_USER_INPUT",
        "GRAPHQL_VALIDATION_FAILED",
        "GRAPHQL_PARSE_FAILED",
        "USER_ERROR",
    }
)
_ENDED: Final = frozenset({"completed", "canceled", "duplicate"})
_WANTED: Final = {"resolved": ("completed",), "reopened": ("unstarted", "backlog", "triage")}
"""Types of state that an issue is moved to, best first."""


class LinearDestination:
    """Linear behind the `Destination` protocol.

    Args:
        session: calls to the API.
        fields: what is done on resolve.
        base_url: address of the platform's own pages, for the attachment.
    """

    def __init__(self, session: LinearSession, fields: LinearFields, base_url: str) -> None:
        self._session = session
        self._fields = fields
        self._base_url = base_url.rstrip("/")
        self._teams: dict[str, dict[str, Any]] = {}

    def deliver(self, action: OutboxAction, now: datetime) -> Outcome:
        """Create or change an issue once; `now` is unused, as dates come from the snapshot."""
        try:
            return self._created(action) if action.kind == "post" else self._changed(action)
        except StoppedError as stopped:
            return stopped.outcome
        except Exception as error:  # an answer of another shape: something may have been done
            return Outcome(Result.UNKNOWN, error=_short(error))

    def reconcile(self, action: OutboxAction) -> Lookup:
        """FOUND with the last step of the action; an absent one is certain, for none can be made twice."""
        try:
            issue, has_comment = self._look(action)
            is_whole = has_comment if action.kind != "post" else self._url(action) in _addresses(issue)
        except StoppedError as stopped:
            why = stopped.outcome
            return Lookup(Presence.UNDECIDED, None, why.error, why.retry_after_seconds, why.is_throttled)
        except Exception as error:
            return Lookup(Presence.UNDECIDED, error=_short(error))
        return Lookup(Presence.FOUND, _reference(issue)) if issue and is_whole else Lookup(Presence.ABSENT)

    def _created(self, action: OutboxAction) -> Outcome:
        issue, _ = self._look(action)
        if issue is None:
            issue = self._made(action)
        if self._url(action) not in _addresses(issue):
            self._attach(action, issue["id"])
        return Outcome(Result.SENT, external_ref=_reference(issue))

    def _made(self, action: OutboxAction) -> dict[str, Any]:
        team = self._team(action.target)
        fields = linear_record.new_issue(action.payload, action.idempotency_key, team["id"])
        try:
            made = self._write(linear_record.CREATE, {"input": fields}, "issueCreate")["issue"]
        except StoppedError as stopped:
            if stopped.outcome.result is not Result.PERMANENT or stopped.outcome.scope is not Scope.ACTION:
                raise
            made, _ = self._look(action)  # refused, perhaps because an earlier attempt has made it
            if made is None:
                raise
        return dict(made)

    def _changed(self, action: OutboxAction) -> Outcome:
        issue, has_comment = self._look(action)
        if issue is None:
            return Outcome(Result.PERMANENT, error="the issue is gone")
        payload, key = action.payload, action.idempotency_key
        if not has_comment:
            fields = linear_record.text_fields(payload, key) | self._moved(issue, str(payload["status"]))
            self._write(linear_record.CHANGE, {"id": issue["id"], "input": fields}, "issueUpdate")
            self._attach(action, issue["id"])
            told = linear_record.comment(payload, key, issue["id"])
            self._write(linear_record.COMMENT, {"input": told}, "commentCreate")
        return Outcome(Result.SENT, external_ref=_reference(issue))

    def _attach(self, action: OutboxAction, issue_id: str) -> None:
        fields = linear_record.attachment(action.payload, action.idempotency_key, issue_id, self._url(action))
        self._write(linear_record.ATTACH, {"input": fields}, "attachmentCreate")

    def _moved(self, issue: Mapping[str, Any], status: str) -> dict[str, str]:
        """The state an issue is moved to along with its finding; nothing where it is there, or people moved it on."""
        has_ended = issue["state"]["type"] in _ENDED
        wanted = _WANTED.get(status, ())
        if not wanted or not self._fields.close_on_resolve or has_ended == (status == "resolved"):
            return {}
        states = self._team(issue["team"]["id"])["states"]["nodes"]
        for kind in wanted:
            ways = sorted((s for s in states if s["type"] == kind), key=lambda s: (s["position"], s["id"]))
            if ways:
                return {"stateId": str(ways[0]["id"])}
        return {}

    def _look(self, action: OutboxAction) -> tuple[dict[str, Any] | None, bool]:
        """The action's issue, and whether its comment exists."""
        key = action.idempotency_key
        issue_id = str(action.message_ref).rpartition("/")[2] if action.message_ref else None
        asked = {
            "issue": issue_id or linear_record.entity_id("issue", key),
            "comment": linear_record.entity_id("comment", key),
        }
        data = self._read(linear_record.LOOK, asked)
        issues = data["issues"]["nodes"]
        return (dict(issues[0]) if issues else None), bool(data["comments"]["nodes"])

    def _team(self, target: str) -> dict[str, Any]:
        """A team with its states, by key or id; asked once."""
        if target not in self._teams:
            found = self._read(*linear_record.team_by(target))["teams"]["nodes"]
            if not found:
                raise StoppedError(
                    Outcome(Result.PERMANENT, error=f"no team {target!r} to be seen", scope=Scope.TARGET)
                )
            self._teams[target] = dict(found[0])
        return self._teams[target]

    def _url(self, action: OutboxAction) -> str:
        return f"{self._base_url}/assets/alerts/alert_state?alert={action.alert_id}"

    def _read(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The data of a query.

        Raises:
            StoppedError: an error, or no answer; nothing was changed.
        """
        try:
            answer = self._session.call(document, variables)
        except Exception as error:
            raise StoppedError(Outcome(Result.TRANSIENT, error=_short(error))) from None
        return _data(answer, Result.TRANSIENT)

    def _write(self, document: str, variables: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The payload of a mutation that succeeded.

        Raises:
            StoppedError: an error, or no answer.
        """
        try:
            answer = self._session.call(document, variables)
        except Exception as error:
            raise StoppedError(_broken(error)) from None
        payload = _data(answer, Result.UNKNOWN).get(name)
        if not isinstance(payload, dict) or payload.get("success") is not True:
            raise StoppedError(Outcome(Result.UNKNOWN, error=f"{name} tells no success"), answer.status_code)
        return payload


def _data(answer: "httpx.Response", unclear: Result) -> dict[str, Any]:
    """The data of an answer without errors.

    Raises:
        StoppedError: anything else; `unclear` is what a failure of Linear's leaves behind.
    """
    body = body_of(answer)
    if answer.status_code == 200 and body is not None and not body.get("errors") and isinstance(body.get("data"), dict):
        return dict(body["data"])
    raise StoppedError(_refused(answer, body or {}, unclear), answer.status_code)


def _refused(answer: "httpx.Response", body: Mapping[str, Any], unclear: Result) -> Outcome:
    status, codes, text = answer.status_code, error_codes(body), error_text(answer)
    if status == 429 or codes & RATE_LIMITED:
        pause = pause_seconds(answer)
        return Outcome(Result.TRANSIENT, error=text, retry_after_seconds=pause, is_throttled=True)
    if status == 401 or codes & AUTHENTICATION or 300 <= status < 400:
        return Outcome(Result.PERMANENT, error=text, scope=Scope.DESTINATION)
    if status == 403 or codes & FORBIDDEN:
        return Outcome(Result.PERMANENT, error=text, scope=Scope.TARGET)
    is_clear = bool(codes & INPUT) or is_users_error(body) or (400 <= status < 500 and status != 408)
    if status < 500 and is_clear:
        return Outcome(Result.PERMANENT, error=text)
    return Outcome(unclear, error=text)


def _broken(error: Exception) -> Outcome:
    import httpx

    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol):
        return Outcome(Result.TRANSIENT, error=_short(error))
    return Outcome(Result.UNKNOWN, error=_short(error))


def _addresses(issue: Mapping[str, Any] | None) -> set[str]:
    nodes = ((issue or {}).get("attachments") or {}).get("nodes") or []
    return {str(node["url"]) for node in nodes}


def _reference(issue: Mapping[str, Any] | None) -> str | None:
    return f"{issue['identifier']}/{issue['id']}" if issue else None


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
