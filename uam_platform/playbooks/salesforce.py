"""Salesforce as a destination: one attempt, its outcome class, and looking up what arrived.

Here: Salesforce's answers. Not here: sessions (`salesforce_session`), layout (`salesforce_record`), pacing and retries (`deliver`).

A task is upserted by the action's key as a unique external id, so that even an attempt that was answered too late cannot make a twin.
An unclear outcome is looked up all the same: a later update must not be overwritten by an older one. Context fields are
written on the account that has the product's account id; the account itself is never created.
Reference: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_upsert.htm
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from uam_platform.ledger.outbox import OutboxAction
from uam_platform.playbooks import salesforce_record
from uam_platform.playbooks.destination import Lookup, Outcome, Presence, Result, Scope
from uam_platform.playbooks.salesforce_session import (
    EXPIRED,
    LoginError,
    SalesforceSession,
    error_code,
    error_text,
)
from uam_platform.policy.playbooks import SALESFORCE_CONTEXT, SALESFORCE_TASK, SalesforceFields

if TYPE_CHECKING:
    import httpx

QUOTA: Final = "REQUEST_LIMIT_EXCEEDED"
QUOTA_PAUSE_SECONDS: Final = 3600.0
"""The daily quota frees itself over a rolling day; asking once an hour costs little."""
TRANSIENT_ERRORS: Final = frozenset({"UNABLE_TO_LOCK_ROW"})
TARGET_ERRORS: Final = frozenset({"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE"})
"""A field or object is missing or hidden: every action of this kind is refused until an administrator adds it."""
OWNER_ERRORS: Final = frozenset(
    {"INACTIVE_OWNER_OR_USER", "OPERATION_WITH_INVALID_USER_TYPE", "INVALID_CROSS_REFERENCE_KEY"}
)
"""The user left, may own no task, or is none of this organisation."""
_NO_SUCH_FIELD: Final = "external id"


class SalesforceDestination:
    """Salesforce behind the `Destination` protocol.

    Args:
        session: an open or unopened session.
        policy: fields that are written.
    """

    def __init__(self, session: SalesforceSession, policy: SalesforceFields) -> None:
        self._session = session
        self._policy = policy
        self._accounts: dict[str, str | None] = {}

    def deliver(self, action: OutboxAction, now: datetime) -> Outcome:
        """Write once; `now` is unused, as dates come from the snapshot."""
        try:
            answer = self._written(action)
        except LoginError as error:
            return Outcome(Result.TRANSIENT, error=str(error), scope=Scope.DESTINATION)
        except Exception as error:
            return _broken(error)
        return answer if isinstance(answer, Outcome) else self._judged(answer, action)

    def reconcile(self, action: OutboxAction) -> Lookup:
        """FOUND if the record shows this action or, for a task's first write, exists; ABSENT if it does not."""
        path = self._path(action)
        fields = {"fields": f"Id,{self._policy.last_action}"}
        try:
            answer = self._session.call("GET", path, params=fields)
            code = error_code(answer)
            if answer.status_code == 404 and code == "NOT_FOUND":
                return Lookup(Presence.ABSENT)
            if answer.status_code != 200 or code:
                is_quota = code == QUOTA
                pause = QUOTA_PAUSE_SECONDS if is_quota else None
                text = error_text(answer) if code else f"HTTP {answer.status_code}"
                return Lookup(Presence.UNDECIDED, error=text, retry_after_seconds=pause, is_throttled=is_quota)
            record = answer.json()
            is_there = action.kind == "post" and action.target == SALESFORCE_TASK
            if is_there or record[self._policy.last_action] == action.idempotency_key:
                return Lookup(Presence.FOUND, f"{action.target}/{record['Id']}/{path[-1]}")
        except Exception as error:
            return Lookup(Presence.UNDECIDED, error=_short(error))
        return Lookup(Presence.ABSENT)

    def _path(self, action: OutboxAction) -> tuple[str, ...]:
        if action.target == SALESFORCE_CONTEXT:
            return (SALESFORCE_CONTEXT, self._policy.account_key, str(action.payload["account_id"]))
        return (SALESFORCE_TASK, self._policy.task_key, _task_key(action))

    def _written(self, action: OutboxAction) -> "httpx.Response | Outcome":
        payload, key, policy = action.payload, action.idempotency_key, self._policy
        path = self._path(action)
        if action.target == SALESFORCE_CONTEXT:
            if not payload["account_id"]:
                return Outcome(Result.PERMANENT, error="the finding is about no single account")
            return self._update(path, salesforce_record.context(payload, key, policy))
        if action.kind != "post":
            return self._update(path, salesforce_record.task_update(payload, key, policy))
        account = payload["account_id"]
        what_id = self._account(str(account)) if account else None
        owner = salesforce_record.user_id(payload)
        fields = salesforce_record.new_task(payload, key, what_id, owner, policy)
        answer = self._session.call("PATCH", path, body=fields)
        if owner and error_code(answer) in OWNER_ERRORS:  # refused, so the owner left: better a task without than none
            fields = salesforce_record.new_task(payload, key, what_id, None, policy)
            answer = self._session.call("PATCH", path, body=fields)
        return answer

    def _update(self, path: tuple[str, ...], fields: dict[str, Any]) -> "httpx.Response":
        return self._session.call("PATCH", path, params={"updateOnly": "true"}, body=fields)

    def _account(self, account_id: str) -> str | None:
        """Salesforce id of an account, None if it has none; asked once."""
        if account_id not in self._accounts:
            path = (SALESFORCE_CONTEXT, self._policy.account_key, account_id)
            answer = self._session.call("GET", path, params={"fields": "Id"})
            if answer.status_code not in (200, 404):
                raise _LookupRefusedError(answer)
            self._accounts[account_id] = str(answer.json()["Id"]) if answer.status_code == 200 else None
        return self._accounts[account_id]

    def _judged(self, answer: "httpx.Response", action: OutboxAction) -> Outcome:
        if answer.status_code in (200, 201, 204) and not error_code(answer):
            return self._accepted(answer, action)
        return _refused(answer)

    def _accepted(self, answer: "httpx.Response", action: OutboxAction) -> Outcome:
        reference = action.message_ref
        if answer.status_code != 204:
            try:
                body = answer.json()
                is_done, record_id = bool(body["success"]), str(body["id"])
            except (ValueError, KeyError, TypeError):
                return Outcome(Result.UNKNOWN, error=f"unreadable answer, HTTP {answer.status_code}")
            if not is_done:
                return Outcome(Result.PERMANENT, error=str(body.get("errors"))[:300])
            reference = f"{action.target}/{record_id}/{self._path(action)[-1]}"
        return Outcome(Result.SENT, external_ref=reference or f"{action.target}//{self._path(action)[-1]}")


class _LookupRefusedError(Exception):
    """The account could not be looked up; nothing was written."""

    def __init__(self, answer: "httpx.Response") -> None:
        super().__init__("account look-up refused")
        self.answer = answer


def _task_key(action: OutboxAction) -> str:
    """External id of the task: the key of its first write, which an update finds in its reference."""
    return action.message_ref.rpartition("/")[2] if action.message_ref else action.idempotency_key


def _refused(answer: "httpx.Response", *, was_sent: bool = True) -> Outcome:
    """Class of an answer that is no success."""
    code, status = error_code(answer), answer.status_code
    text = error_text(answer) if code else f"unreadable answer, HTTP {status}"
    if code == QUOTA or status == 429:
        return Outcome(
            Result.TRANSIENT,
            error=text,
            retry_after_seconds=QUOTA_PAUSE_SECONDS if code == QUOTA else None,
            scope=Scope.DESTINATION,
            is_throttled=True,
        )
    if not was_sent:
        scope = Scope.DESTINATION if status in (401, 403) else Scope.ACTION
        return Outcome(Result.TRANSIENT, error=text, scope=scope)
    if status < 300 or status >= 500 or status == 408:
        return Outcome(Result.UNKNOWN, error=text)
    if code in TRANSIENT_ERRORS:
        return Outcome(Result.TRANSIENT, error=text)
    return Outcome(Result.PERMANENT, error=text, scope=_scope(status, code, text))


def _scope(status: int, code: str, text: str) -> Scope:
    if status in (401, 403) or code == EXPIRED:
        return Scope.DESTINATION
    is_no_field = code in TARGET_ERRORS or (status == 404 and _NO_SUCH_FIELD in text.lower())
    return Scope.TARGET if is_no_field else Scope.ACTION


def _broken(error: Exception) -> Outcome:
    import httpx

    if isinstance(error, _LookupRefusedError):
        return _refused(error.answer, was_sent=False)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol):
        return Outcome(Result.TRANSIENT, error=_short(error))
    return Outcome(Result.UNKNOWN, error=_short(error))


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
