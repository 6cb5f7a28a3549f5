"""Linear's GraphQL API: the part of it that writes issues.

Belongs here: HTTP, authentication, limits, the schema and its resolvers, error bodies. Does not belong here: what exists
(`linear_issues.py`). The schema holds the types, fields and arguments of Linear's own that this sandbox serves, under the same names;
graphql-core refuses any other.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uam_platform.simulation.sandbox.credentials import LINEAR_API_KEY
from uam_platform.simulation.sandbox.linear_issues import STATE_TYPES, TEAMS, Issue, Issues, LinearError, entity
from uam_platform.simulation.sandbox.rate_limits import Clock, FixedWindow
from uam_platform.simulation.sandbox.received import Journal

CALLS_PER_HOUR: Final = 5000
_HOUR: Final = 3600.0
SCHEMA: Final = """
scalar JSONObject
scalar TimelessDate
type Query {
  viewer: User!
  teams(filter: TeamFilter, first: Int): TeamConnection!
  issues(filter: IssueFilter, includeArchived: Boolean, first: Int): IssueConnection!
  comments(filter: CommentFilter, includeArchived: Boolean, first: Int): CommentConnection!
}
type Mutation {
  issueCreate(input: IssueCreateInput!): IssuePayload!
  issueUpdate(id: String!, input: IssueUpdateInput!): IssuePayload!
  commentCreate(input: CommentCreateInput!): CommentPayload!
  attachmentCreate(input: AttachmentCreateInput!): AttachmentPayload!
}
input IDComparator { eq: ID in: [ID!] }
input IssueIDComparator { eq: ID in: [ID!] }
input StringComparator { eq: String }
input TeamFilter { id: IDComparator key: StringComparator }
input IssueFilter { id: IssueIDComparator }
input CommentFilter { id: IDComparator }
input IssueCreateInput {
  id: String teamId: String! title: String description: String priority: Int stateId: String assigneeId: String labelIds: [String!]
  projectId: String dueDate: TimelessDate
}
input IssueUpdateInput { title: String description: String priority: Int stateId: String assigneeId: String dueDate: TimelessDate }
input CommentCreateInput { id: String issueId: String body: String }
input AttachmentCreateInput { id: String issueId: String! url: String! title: String! subtitle: String metadata: JSONObject }
type Organization { id: ID! name: String! urlKey: String! }
type User { id: ID! name: String! email: String! organization: Organization! }
type WorkflowState { id: ID! name: String! type: String! position: Float! }
type WorkflowStateConnection { nodes: [WorkflowState!]! }
type Team { id: ID! key: String! name: String! states(first: Int): WorkflowStateConnection! }
type TeamConnection { nodes: [Team!]! }
type Attachment { id: ID! url: String! title: String! subtitle: String metadata: JSONObject! }
type AttachmentConnection { nodes: [Attachment!]! }
type Comment { id: ID! body: String! }
type CommentConnection { nodes: [Comment!]! }
type Issue {
  id: ID! identifier: String! title: String! description: String url: String! state: WorkflowState! team: Team!
  attachments(first: Int): AttachmentConnection! comments(first: Int): CommentConnection!
}
type IssueConnection { nodes: [Issue!]! }
type IssuePayload { success: Boolean! lastSyncId: Float! issue: Issue }
type CommentPayload { success: Boolean! lastSyncId: Float! comment: Comment! }
type AttachmentPayload { success: Boolean! lastSyncId: Float! attachment: Attachment! }
"""

Node = dict[str, Any]


class LinearSurface:
    """Serves a Linear workspace.

    Args:
        journal: Where accepted writes are recorded.
        epoch_seconds: Clock of the reset times that are told.
        monotonic_seconds: Clock of the limit.
        calls_per_hour: Calls in each hour.
    """

    def __init__(
        self, journal: Journal, epoch_seconds: Clock, monotonic_seconds: Clock, calls_per_hour: int = CALLS_PER_HOUR
    ) -> None:
        from graphql import build_schema

        self._issues = Issues(journal)
        self._schema = build_schema(SCHEMA)
        self._epoch = epoch_seconds
        self._window = FixedWindow(calls_per_hour, _HOUR, monotonic_seconds)

    def routes(self) -> list[BaseRoute]:
        """The one route of GraphQL."""
        return [Route("/linear/graphql", self._answer, methods=["POST"])]

    def shown(self) -> list[dict[str, Any]]:
        """Each issue as people see it: its key, its text in one string, whether it is done, the number of comments."""
        return [
            {
                "key": issue.identifier,
                "text": json.dumps(issue.fields, ensure_ascii=False),
                "is_done": issue.state == "completed",
                "comments": len(issue.comments),
            }
            for issue in self._issues.issues.values()
        ]

    async def _answer(self, request: Request) -> Response:
        if request.headers.get("authorization") not in (LINEAR_API_KEY, f"Bearer {LINEAR_API_KEY}"):
            return _error(401, "AUTHENTICATION_ERROR", "Authentication required, not authenticated")
        verdict = self._window.take()
        body = await request.body()
        answer = self._executed(body) if verdict.is_allowed else _error(400, "RATELIMITED", "Rate limit exceeded")
        answer.headers["x-ratelimit-requests-limit"] = str(self._window.limit)
        answer.headers["x-ratelimit-requests-remaining"] = str(verdict.remaining)
        answer.headers["x-ratelimit-requests-reset"] = str(round((self._epoch() + verdict.resets_in_seconds) * 1000))
        return answer

    def _executed(self, body: bytes) -> Response:
        from graphql import ExecutionResult, GraphQLError, graphql_sync, parse, validate

        try:
            asked = json.loads(body)
            document = parse(str(asked["query"]))
        except (ValueError, KeyError, TypeError, GraphQLError) as problem:
            return _error(400, "GRAPHQL_PARSE_FAILED", str(problem))
        wrong = validate(self._schema, document)
        if wrong:
            return _error(400, "GRAPHQL_VALIDATION_FAILED", wrong[0].message)
        done: ExecutionResult = graphql_sync(
            self._schema, str(asked["query"]), root_value=self._root(), variable_values=asked.get("variables") or {}
        )
        if not done.errors:
            return JSONResponse({"data": done.data})
        first = done.errors[0]
        if isinstance(first.original_error, LinearError):
            return _error(200, "INPUT_ERROR", first.message)
        return _error(400, "GRAPHQL_VALIDATION_FAILED", first.message)

    def _root(self) -> dict[str, Callable[..., Any]]:
        issues = self._issues
        return {
            "viewer": lambda info: _viewer(),
            "teams": lambda info, **asked: _page(_chosen([_team(key) for key in TEAMS], asked)),
            "issues": lambda info, **asked: _page(_chosen([_issue(i) for i in issues.issues.values()], asked)),
            "comments": lambda info, **asked: _page(
                _chosen([c for i in issues.issues.values() for c in i.comments], asked)
            ),
            "issueCreate": lambda info, input: _payload(issue=_issue(issues.create(input))),
            "issueUpdate": lambda info, id, input: _payload(issue=_issue(issues.update(id, input))),
            "commentCreate": lambda info, input: _payload(comment=issues.comment(input)),
            "attachmentCreate": lambda info, input: _payload(attachment={"metadata": {}, **issues.attach(input)}),
        }


def _viewer() -> Node:
    organization = {"id": entity("organization"), "name": "Acme", "urlKey": "acme"}
    return {
        "id": entity("user"),
        "name": "uam-writer",
        "email": "uam-writer@acme.example",
        "organization": organization,
    }


def _team(key: str) -> Node:
    return {
        "id": entity("team", key),
        "key": key,
        "name": TEAMS[key],
        "states": lambda info, first=50: _page([_state(key, kind) for kind in STATE_TYPES]),
    }


def _state(team: str, kind: str) -> Node:
    position = float(STATE_TYPES.index(kind))
    return {"id": entity("state", team, kind), "name": kind.capitalize(), "type": kind, "position": position}


def _issue(issue: Issue) -> Node:
    attached = [{"metadata": {}, **one} for one in issue.attachments.values()]
    return {
        "id": issue.id,
        "identifier": issue.identifier,
        "title": issue.fields["title"],
        "description": issue.fields.get("description"),
        "url": f"https://linear.app/acme/issue/{issue.identifier}",
        "state": _state(issue.team, issue.state),
        "team": _team(issue.team),
        "attachments": lambda info, first=50: _page(attached[:first]),
        "comments": lambda info, first=50: _page(issue.comments[:first]),
    }


def _chosen(nodes: list[Node], asked: dict[str, Any]) -> list[Node]:
    for name, comparison in (asked.get("filter") or {}).items():
        for operator, value in comparison.items():
            wanted = value if operator == "in" else [value]
            nodes = [node for node in nodes if node[name] in wanted]
    return nodes[: asked.get("first") or 50]


def _page(nodes: list[Node]) -> Node:
    return {"nodes": nodes}


def _payload(**entity_made: Any) -> Node:
    return {"success": True, "lastSyncId": 1.0, **entity_made}


def _error(status: int, code: str, message: str) -> Response:
    extensions = {"code": code, "userError": code == "INPUT_ERROR", "userPresentableMessage": message}
    return JSONResponse({"errors": [{"message": message, "extensions": extensions}], "data": None}, status)
