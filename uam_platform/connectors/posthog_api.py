"""PostHog as a source: where it lies, one HogQL query, its error words.

Here: the source's settings, credentials and the probe. Not here: what is read (`posthog_export`, `posthog_query`), one event
(`posthog_lines`). https://posthog.com/docs/api/query
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from uam_platform.connectors.errors import ConnectorError, PermanentError
from uam_platform.connectors.http_json import JsonClient, Object, Wire, shown
from uam_platform.connectors.json_lines import LineShape
from uam_platform.connectors.object_store import ObjectStore, StoreAddress
from uam_platform.connectors.posthog_lines import line_shape

NAME: Final = "posthog"
PERSONS: Final = f"{NAME} persons"
"""What messages call the list of persons."""
_LONGEST_PAUSE_SECONDS: Final = (
    120.0  # a limit per minute asks for less, one per hour for more: then what was read is landed
)


@dataclass(frozen=True)
class PostHogSource:
    """Where to read.

    Attributes:
        project_id: number of the project.
        archive: bucket or folder of the batch exports; with it the API is not asked.
        base_url: https://us.posthog.com, https://eu.posthog.com or an own one.
        api_key: personal API key with the scopes query:read and person:read.
        start: first import through the API goes back to here (UTC).
        page_rows: rows of one query, at most 50,000.
        workspace_group: group type whose key is the product's workspace id.
        account_group: group type whose key is the product's account id.
        persons: bucket or folder of the batch exports of persons; with it the list of persons is not asked for.
        threads: engine threads.
        memory: engine memory limit.
    """

    project_id: str
    archive: StoreAddress | None
    base_url: str
    api_key: str = field(repr=False)
    start: datetime
    page_rows: int = 20_000
    workspace_group: str = "workspace"
    account_group: str = "account"
    persons: StoreAddress | None = None
    threads: int = 2
    memory: str = "2GB"

    @property
    def shape(self) -> LineShape:
        """How this project's events are read."""
        return line_shape(self.workspace_group, self.account_group)


def opened(source: PostHogSource, progress: Callable[[str], None], wire: Wire) -> JsonClient:
    """A client with the key of `source`; the caller closes it."""
    patient = replace(wire, retry=replace(wire.retry, give_up_seconds=_LONGEST_PAUSE_SECONDS))
    client = JsonClient(patient, progress, explain)
    client.headers["authorization"] = f"Bearer {source.api_key}"
    return client


def query(client: JsonClient, source: PostHogSource, text: str, where: str) -> Object:
    """The answer to one HogQL query: `results` as lists in the order of `columns`.

    Raises:
        TransientError: PostHog could not be reached, throttles longer than we wait, or ran out of time.
        PermanentError: credentials, rights or the query are refused.
    """
    url = f"{source.base_url.rstrip('/')}/api/projects/{source.project_id}/query/"
    body = {"query": {"kind": "HogQLQuery", "query": text}, "refresh": "force_blocking", "name": "uam"}
    return client.send("POST", url, where, needs="results", body=body)


def persons_url(source: PostHogSource) -> str:
    """Address of the list of persons."""
    return f"{source.base_url.rstrip('/')}/api/projects/{source.project_id}/persons/"


def probe(source: PostHogSource, wire: Wire) -> str:
    """One cheap query, or a look at the archive's address; the same of the persons.

    Raises:
        ConnectorError: PostHog refuses the key, or cannot be reached.
    """
    if source.archive is not None:
        look = ObjectStore(source.archive, f"{NAME} archive", wire.retry, lambda _: None).look()
        return f"batch exports; {look}; {_persons_told(source, wire)}"
    client = opened(source, lambda _: None, wire)
    try:
        query(client, source, "SELECT 1", f"{NAME} query")
    finally:
        client.close()
    return f"personal API key accepted for project {source.project_id}; {_persons_told(source, wire)}"


def _persons_told(source: PostHogSource, wire: Wire) -> str:
    """Where persons come from, and whether they can be read; a key that may not read them stops nothing."""
    if source.persons is not None:
        return "persons: " + ObjectStore(source.persons, f"{NAME} persons archive", wire.retry, lambda _: None).look()
    if not source.api_key:
        return "persons are not read: set UAM_POSTHOG_PERSONS_URL or UAM_POSTHOG_API_KEY"
    client = opened(source, lambda _: None, wire)
    try:
        client.get(persons_url(source), PERSONS, {"limit": "1"}, needs="results")
    except PermanentError as error:
        return f"persons are not read: {error.what}. {error.action}"
    finally:
        client.close()
    return "persons can be read"


def explain(status: int, body: Any, where: str) -> ConnectorError | None:
    """PostHog's own refusals in plain words; None leaves the answer to the general rules."""
    if status not in (400, 401, 403, 404):
        return None
    told = body.get("detail") if isinstance(body, dict) else None
    said = shown(str(told or json.dumps(body)))
    if status == 401:
        action = "Check UAM_POSTHOG_API_KEY: a personal API key (phx_…), of the same region as UAM_POSTHOG_BASE_URL."
        return PermanentError(where, f"PostHog does not accept the key ({said})", action)
    if status == 403:
        scope = "person:read" if where == PERSONS else "query:read"
        action = f"Give the personal API key the scope {scope} and access to the project."
        return PermanentError(where, f"PostHog refuses access ({said})", action)
    if status == 404:
        action = (
            "Check UAM_POSTHOG_BASE_URL (https://us.posthog.com or https://eu.posthog.com) and UAM_POSTHOG_PROJECT_ID."
        )
        return PermanentError(where, f"there is no such project or address ({said})", action)
    action = (
        "The project's events lack a column, or this is an error of this connector; batch exports do without queries."
    )
    return PermanentError(where, f"PostHog does not accept the request ({said})", action)
