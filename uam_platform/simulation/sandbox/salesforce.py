"""Salesforce's REST API: token, query, upsert of tasks, fields of accounts.

Belongs here: HTTP, sessions, the daily quota, error arrays. Does not belong here: queries (`salesforce_query.py`,
`salesforce_soql.py`), tasks (`salesforce_tasks.py`) and fields of accounts (`salesforce_context.py`).
"""

import hashlib
import itertools
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uam_platform.simulation.sandbox.company import Company
from uam_platform.simulation.sandbox.credentials import SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_KEY
from uam_platform.simulation.sandbox.faults import is_empty_page
from uam_platform.simulation.sandbox.received import Journal
from uam_platform.simulation.sandbox.salesforce_context import AccountContext
from uam_platform.simulation.sandbox.salesforce_query import PAGE_SIZE, SMALLEST_PAGE, SalesforceQueries
from uam_platform.simulation.sandbox.salesforce_soql import SoqlError
from uam_platform.simulation.sandbox.salesforce_tasks import TaskError, Tasks

CALLS_PER_DAY: Final = 15_000
_BATCH: Final = re.compile(r"batchSize=(\d+)")
_ORGANIZATION: Final = "00D000000000001EAA"
_OBJECT_OF_PREFIX: Final = {"001": "Account", "003": "Contact", "005": "User", "006": "Opportunity", "800": "Contract"}

Handler = Callable[[Request], Awaitable[Response]]


class SalesforceSurface:
    """Serves the Salesforce side of a company.

    Args:
        company: What to serve.
        now: Epoch seconds of the sandbox clock.
        journal: Where accepted writes are recorded.
        calls_per_day: Quota of API calls until the sandbox is started again.
    """

    def __init__(self, company: Company, now: int, journal: Journal, calls_per_day: int = CALLS_PER_DAY) -> None:
        self._queries = SalesforceQueries(company, now)
        self._tasks = Tasks(journal, self._exists, self._queries.is_active_user)
        self._context = AccountContext(journal, self._queries.account_of_product)
        self._calls_per_day = calls_per_day
        self._used = 0
        self._issued = itertools.count(1)
        self._sessions: set[str] = set()

    def routes(self) -> list[BaseRoute]:
        """Routes below `/salesforce`."""
        data = "/salesforce/services/data/{version}"
        task = f"{data}/sobjects/{{object_name}}/{{field}}/{{value:path}}"
        return [
            Route("/salesforce/services/oauth2/token", self._token, methods=["POST"]),
            Route(f"{data}/limits", self._guarded(self._limits), methods=["GET"]),
            Route(f"{data}/query", self._guarded(self._query), methods=["GET"]),
            Route(f"{data}/queryAll", self._guarded(self._query), methods=["GET"]),
            Route(f"{data}/query/{{locator}}", self._guarded(self._more), methods=["GET"]),
            Route(task, self._guarded(self._upsert), methods=["PATCH"]),
            Route(task, self._guarded(self._read), methods=["GET"]),
            Route(
                "/salesforce/{rest:path}", self._guarded(_nowhere), methods=["GET", "POST", "PATCH", "PUT", "DELETE"]
            ),
        ]

    async def _token(self, request: Request) -> Response:
        form = {key: values[0] for key, values in parse_qs((await request.body()).decode()).items()}
        if form.get("grant_type") != "client_credentials":
            return _oauth_error("unsupported_grant_type", "grant type not supported")
        if (form.get("client_id"), form.get("client_secret")) != (SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_KEY):
            return _oauth_error("invalid_client", "invalid client credentials")
        session = f"{_ORGANIZATION[:15]}!{hashlib.sha256(str(next(self._issued)).encode()).hexdigest()}"
        self._sessions.add(session)
        origin = f"{request.url.scheme}://{request.url.netloc}/salesforce"
        return JSONResponse(
            {
                "access_token": session,
                "signature": hashlib.sha256(session.encode()).hexdigest(),
                "scope": "api",
                "instance_url": origin,
                "id": f"{origin}/id/{_ORGANIZATION}/005000000000001AAA",
                "token_type": "Bearer",
                "issued_at": str(1_700_000_000_000 + len(self._sessions)),
            }
        )

    def _guarded(self, handler: Handler) -> Handler:
        """Wrap a handler in the session check, the quota and Salesforce's error arrays."""

        async def guarded(request: Request) -> Response:
            session = request.headers.get("authorization", "").removeprefix("Bearer ")
            if session not in self._sessions:
                return _error(401, "INVALID_SESSION_ID", "Session expired or invalid")
            if self._used >= self._calls_per_day:
                return _error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
            self._used += 1
            answer = await _answered(handler, request)
            answer.headers["sforce-limit-info"] = f"api-usage={self._used}/{self._calls_per_day}"
            return answer

        return guarded

    async def _query(self, request: Request) -> Response:
        text = request.query_params.get("q", "")
        body = self._queries.first_page(
            text,
            request.path_params["version"],
            _page_size(request),
            has_deleted=request.url.path.endswith("/queryAll"),
            is_stalled=is_empty_page(request),
        )
        return JSONResponse(body)

    async def _more(self, request: Request) -> Response:
        locator, version = request.path_params["locator"], request.path_params["version"]
        return JSONResponse(self._queries.next_page(locator, version, is_stalled=is_empty_page(request)))

    async def _limits(self, request: Request) -> Response:
        daily = {"Max": self._calls_per_day, "Remaining": self._calls_per_day - self._used}
        return JSONResponse({"DailyApiRequests": daily})

    async def _upsert(self, request: Request) -> Response:
        name = request.path_params["object_name"]
        fields = json.loads(await request.body())
        if not isinstance(fields, dict):
            raise TaskError("JSON_PARSER_ERROR", "The body must be one object")
        key = request.path_params["field"], request.path_params["value"]
        is_update_only = request.query_params.get("updateOnly") == "true"
        if name == "Account" and is_update_only:
            done = self._context.update(*key, fields)
        elif name != "Task" or (is_update_only and self._tasks.get(*key) is None):
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        else:
            done = self._tasks.upsert(*key, fields)
        body = {"id": done.record_id, "success": True, "errors": [], "created": done.is_created}
        return JSONResponse(body, 201 if done.is_created else 200)

    async def _read(self, request: Request) -> Response:
        name = request.path_params["object_name"]
        key = request.path_params["field"], request.path_params["value"]
        record = self._context.get(*key) if name == "Account" else self._tasks.get(*key) if name == "Task" else None
        if record is None:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        wanted = [field for field in request.query_params.get("fields", "").split(",") if field]
        shown = {field: record.get(field) for field in ["Id", *wanted]} if wanted else record
        url = f"/services/data/{request.path_params['version']}/sobjects/{name}/{record['Id']}"
        return JSONResponse({"attributes": {"type": name, "url": url}, **shown})

    def _exists(self, record_id: str) -> bool:
        name = _OBJECT_OF_PREFIX.get(record_id[:3])
        return name is None or self._queries.has_record(name, record_id)


async def _answered(handler: Handler, request: Request) -> Response:
    try:
        return await handler(request)
    except SoqlError as problem:
        return _error(400, problem.code, str(problem))
    except TaskError as problem:
        return _error(404 if problem.code == "NOT_FOUND" else 400, problem.code, str(problem), problem.fields)
    except json.JSONDecodeError as problem:
        return _error(400, "JSON_PARSER_ERROR", str(problem))


async def _nowhere(request: Request) -> Response:
    return _error(404, "NOT_FOUND", "The requested resource does not exist")


def _page_size(request: Request) -> int:
    match = _BATCH.search(request.headers.get("sforce-query-options", ""))
    return max(SMALLEST_PAGE, min(PAGE_SIZE, int(match[1]))) if match else PAGE_SIZE


def _error(status: int, code: str, message: str, fields: list[str] | None = None) -> Response:
    problem: dict[str, Any] = {"message": message, "errorCode": code}
    return JSONResponse([problem | ({"fields": fields} if fields else {})], status)


def _oauth_error(error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, 400)
