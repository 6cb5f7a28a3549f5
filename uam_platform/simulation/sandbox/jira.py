"""Jira Cloud's REST API, version 3: issues, comments, transitions, search.

Belongs here: HTTP, authentication, rate limits, error bodies, shapes. Does not belong here: issues (`jira_issues.py`), search
(`jira_search.py`), documents (`jira_documents.py`).
"""

import base64
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uam_platform.simulation.sandbox import jira_search
from uam_platform.simulation.sandbox.credentials import JIRA_API_KEY, JIRA_EMAIL
from uam_platform.simulation.sandbox.jira_issues import PROJECTS, STATUSES, TRANSITIONS, TYPES, Issue, Issues, JiraError
from uam_platform.simulation.sandbox.rate_limits import Clock, TokenBucket
from uam_platform.simulation.sandbox.received import Journal

CALLS_PER_SECOND: Final = 50.0
BURST: Final = 100
INDEX_LAG_SECONDS: Final = 2.0
_ROOT: Final = "/jira/rest/api/3"
_ACCOUNT: Final = "712020:00000000-0000-4000-8000-000000000001"

Handler = Callable[[Request], Awaitable[Response]]


class JiraSurface:
    """Serves a Jira site.

    Args:
        journal: Where accepted writes are recorded.
        epoch_seconds: Clock that stamps what is made.
        monotonic_seconds: Clock of limits and of the index.
        index_lag_seconds: Age from which on search knows an issue.
    """

    def __init__(
        self,
        journal: Journal,
        epoch_seconds: Clock,
        monotonic_seconds: Clock,
        index_lag_seconds: float = INDEX_LAG_SECONDS,
    ) -> None:
        self._issues = Issues(journal, monotonic_seconds)
        self._epoch = epoch_seconds
        self._clock = monotonic_seconds
        self._lag = index_lag_seconds
        self._limit = TokenBucket(CALLS_PER_SECOND, BURST, monotonic_seconds)

    def routes(self) -> list[BaseRoute]:
        """Routes below `/jira`."""
        issue = f"{_ROOT}/issue/{{issue}}"
        served: list[tuple[str, str, Handler]] = [
            (f"{_ROOT}/myself", "GET", self._myself),
            (f"{_ROOT}/project/search", "GET", self._projects),
            (f"{_ROOT}/search/jql", "POST", self._search),
            (f"{_ROOT}/issue", "POST", self._create),
            (issue, "GET", self._read),
            (issue, "PUT", self._edit),
            (f"{issue}/comment", "GET", self._comments),
            (f"{issue}/comment", "POST", self._comment),
            (f"{issue}/transitions", "GET", self._transitions),
            (f"{issue}/transitions", "POST", self._move),
            (f"{issue}/properties/{{name}}", "GET", self._property),
        ]
        old = Route(f"{_ROOT}/search", self._guarded(_gone), methods=["GET", "POST"])
        return [old, *(Route(path, self._guarded(handler), methods=[method]) for path, method, handler in served)]

    def shown(self) -> list[dict[str, Any]]:
        """Each issue as people see it: its key, its text in one string, whether it is done, the number of comments."""
        return [
            {
                "key": issue.key,
                "text": json.dumps(issue.fields, ensure_ascii=False),
                "is_done": STATUSES[issue.status][1] == "done",
                "comments": len(issue.comments),
            }
            for issue in self._issues.all()
        ]

    def _guarded(self, handler: Handler) -> Handler:
        """Wrap a handler in authentication, the limit on bursts and Jira's error bodies."""

        async def guarded(request: Request) -> Response:
            if not _is_known(request.headers.get("authorization", "")):
                return _error(JiraError(401, "Client must be authenticated to access this resource."))
            verdict = self._limit.take(f"{request.method} {handler.__name__}")
            if not verdict.is_allowed:
                answer = _error(JiraError(429, "Rate limit exceeded."))
                answer.headers["retry-after"] = str(verdict.resets_in_seconds)
                answer.headers["ratelimit-reason"] = "jira-burst-based"
            else:
                answer = await _answered(handler, request)
            reset = datetime.fromtimestamp(self._epoch(), UTC) + timedelta(seconds=verdict.resets_in_seconds)
            answer.headers["x-ratelimit-limit"] = str(BURST)
            answer.headers["x-ratelimit-remaining"] = str(verdict.remaining)
            answer.headers["x-ratelimit-reset"] = reset.isoformat(timespec="seconds")
            return answer

        return guarded

    async def _myself(self, request: Request) -> Response:
        shown = {"accountId": _ACCOUNT, "accountType": "atlassian", "emailAddress": JIRA_EMAIL}
        return JSONResponse({"self": f"{_origin(request)}/user?accountId={_ACCOUNT}", **shown, "active": True})

    async def _projects(self, request: Request) -> Response:
        keys = request.query_params.getlist("keys") or list(PROJECTS)
        found = [
            {"id": str(10_000 + number), "key": key, "name": name, "projectTypeKey": "software", "simplified": True}
            for number, (key, name) in enumerate(PROJECTS.items())
            if key in keys
        ]
        page = {"startAt": 0, "maxResults": 50, "total": len(found), "isLast": True}
        return JSONResponse({"self": str(request.url), **page, "values": found})

    async def _search(self, request: Request) -> Response:
        body = await _body(request)
        found, following = jira_search.search(self._issues.all(), body, self._clock, self._lag)
        wanted = set(body.get("fields") or ["id"])
        shown = [self._shown(request, issue, wanted) for issue in found]
        end = {"isLast": True} if following is None else {"isLast": False, "nextPageToken": following}
        return JSONResponse({"issues": shown, **end})

    async def _create(self, request: Request) -> Response:
        issue = self._issues.create(await _body(request))
        made = {"id": str(issue.number), "key": issue.key, "self": f"{_origin(request)}/issue/{issue.number}"}
        return JSONResponse(made, 201)

    async def _read(self, request: Request) -> Response:
        wanted = [name for part in request.query_params.getlist("fields") for name in part.split(",")]
        return JSONResponse(self._shown(request, self._issue(request), set(wanted)))

    async def _edit(self, request: Request) -> Response:
        self._issues.edit(self._issue(request), await _body(request))
        return Response(status_code=204)

    async def _comments(self, request: Request) -> Response:
        issue, asked = self._issue(request), request.query_params
        newest_first = list(reversed(issue.comments)) if asked.get("orderBy") == "-created" else issue.comments
        start, size = int(asked.get("startAt", 0)), int(asked.get("maxResults", 100))
        shown = [self._commented(request, issue, one) for one in newest_first[start : start + size]]
        page = {"startAt": start, "maxResults": size, "total": len(issue.comments)}
        return JSONResponse({**page, "comments": shown})

    async def _comment(self, request: Request) -> Response:
        issue = self._issue(request)
        made = self._issues.comment(issue, await _body(request))
        return JSONResponse(self._commented(request, issue, made), 201)

    async def _transitions(self, request: Request) -> Response:
        ways = [
            {"id": way, "name": STATUSES[to][0], "to": _status(to), "hasScreen": False, "isAvailable": True}
            for way, to in TRANSITIONS.items()
            if self._issue(request)
        ]
        return JSONResponse({"expand": "transitions", "transitions": ways})

    async def _move(self, request: Request) -> Response:
        self._issues.move(self._issue(request), await _body(request))
        return Response(status_code=204)

    async def _property(self, request: Request) -> Response:
        name = request.path_params["name"]
        issue = self._issue(request)
        if name not in issue.properties:
            raise JiraError(404, f"The property with key '{name}' does not exist.")
        return JSONResponse({"key": name, "value": issue.properties[name]})

    def _issue(self, request: Request) -> Issue:
        return self._issues.get(request.path_params["issue"])

    def _shown(self, request: Request, issue: Issue, wanted: set[str]) -> dict[str, Any]:
        kind = issue.fields["issuetype"]
        named = next((i for i, name in TYPES.items() if kind.get("id") == i or kind.get("name") == name), "")
        everything = {
            **issue.fields,
            "labels": issue.fields.get("labels") or [],
            "status": _status(issue.status),
            "issuetype": {"id": named, "name": TYPES[named], "subtask": False},
        }
        shown = {"id": str(issue.number)}
        if wanted != {"id"}:
            shown |= {"key": issue.key, "self": f"{_origin(request)}/issue/{issue.number}"}
        fields = {name: value for name, value in everything.items() if not wanted or name in wanted}
        return {**shown, **({"fields": fields} if fields else {})}

    def _commented(self, request: Request, issue: Issue, made: dict[str, Any]) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._epoch(), UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        own = f"{_origin(request)}/issue/{issue.number}/comment/{made['id']}"
        return {"self": own, **made, "author": {"accountId": _ACCOUNT, "active": True}, "created": now, "updated": now}


async def _answered(handler: Handler, request: Request) -> Response:
    try:
        return await handler(request)
    except JiraError as problem:
        return _error(problem)
    except json.JSONDecodeError:
        return _error(JiraError(400, "There was an error parsing JSON. Check that your request body is valid."))


async def _body(request: Request) -> dict[str, Any]:
    body = json.loads(await request.body())
    if not isinstance(body, dict):
        raise JiraError(400, "Invalid request payload.")
    return body


async def _gone(request: Request) -> Response:
    raise JiraError(410, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.")


def _is_known(authorization: str) -> bool:
    basic = base64.b64encode(f"{JIRA_EMAIL}:{JIRA_API_KEY}".encode()).decode()
    return authorization in (f"Basic {basic}", f"Bearer {JIRA_API_KEY}")


def _status(status: str) -> dict[str, Any]:
    name, category, number = STATUSES[status]
    return {"id": status, "name": name, "statusCategory": {"id": number, "key": category, "name": name}}


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{_ROOT}"


def _error(problem: JiraError) -> Response:
    return JSONResponse({"errorMessages": problem.messages, "errors": problem.errors}, problem.status)
