"""Which recorded and published vendor files there are, and which the tests leave out on purpose.

Belongs here: noticing what a run reads, and the reasons. Does not belong here: reading them (`connectors/vendor_samples.py`), tests.
"""

import os
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

VARIABLE: Final = "UAM_VENDOR_SAMPLES"

LEFT_OUT: Final = {
    "INDEX.md": "prose",
    "*/airbyte/manifest.yaml": "settings of another client, not the vendor's word",
    "mixpanel/airbyte/spec.json": "settings of another client, not the vendor's word",
    "mixpanel/airbyte/expected_records.jsonl": "profiles flattened by another client; no event among them",
    "mixpanel/airbyte/schemas/*": "records flattened by another client; the export's own words are read",
    "mixpanel/openapi/annotations.openapi.yaml": "an API that is not called",
    "mixpanel/openapi/data-pipelines.openapi.yaml": "an API that is not called",
    "mixpanel/openapi/gdpr.openapi.yaml": "an API that is not called",
    "mixpanel/openapi/identity.openapi.yaml": "an API that is not called",
    "mixpanel/openapi/lexicon-schemas.openapi.yaml": "an API that is not called",
    "mixpanel/openapi/warehouse-connectors.openapi.yaml": "an API that is not called",
    "amplitude/airbyte-agent/*": "describes annotations, cohorts and lists, none of which is read",
    "amplitude/airbyte/schemas/*": "records flattened by another client; the export's own words are read",
    "posthog/airbyte/schemas/*": "records flattened by another client; events come by query or export",
    "segment/api-evangelist/http-tracking-api.openapi.yml": "derived by a third party; the official payloads are read",
    "segment/api-evangelist/segment-batchcall-schema.json": "the archive holds single calls",
    "segment/api-evangelist/segment-context-schema.json": "a part of the schemas that are read",
    "segment/api-evangelist/segment-event-schema.json": "the same calls in one file, derived by a third party",
    "jira/airbyte/schemas/*": "describes issues as another client stores them; Jira is no source",
    "jira/airbyte/responses/issue_[fpt]*": "objects that are neither read nor written",
    "jira/airbyte/responses/labels.json": "objects that are neither read nor written",
    "jira/airbyte/responses/projects.json": "objects that are neither read nor written",
    "linear/airbyte-agent/*": "wraps documents of its own; ours are held against Linear's schema",
    "salesforce/airbyte/schemas/*": "describes objects, which are not described to us",
    "slack/java-slack-sdk/*": "methods that are not called, and requests from Slack, which are not taken",
    "slack/slack-api-specs/slack_common_event_wrapper_schema.json": "requests from Slack, which are not taken",
    "slack/slackblocks/spec/fixtures/valid/elements/*": "elements outside a message",
    "slack/slackblocks/spec/fixtures/valid/messages/webhook_*": "incoming webhooks, which are not used",
    "slack/slackblocks/spec/manifest.json": "lists the fixtures, which are read by name",
    "zendesk/airbyte/schemas/shared/[amv]*": "parts of the schemas that are read",
    "zendesk/airbyte/schemas/[adgst]*": "streams that are not read",
    "zendesk/oas/openapi-src.yaml": "the whole of which the trimmed file is a part; PyYAML stops on it",
    "zendesk/oas/openapi-webhooks.yaml": "the administration of webhooks; their signature has a published vector",
}
"""Pattern of a path below the folder -> why no test reads it. A file that is read may match, too."""


class Reads:
    """The files below the folder that this process opens."""

    def __init__(self) -> None:
        self.folder = os.environ.get(VARIABLE, "")
        self.seen: set[str] = set()
        if self.folder:
            sys.addaudithook(self._noted)

    def _noted(self, event: str, arguments: Any) -> None:
        if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(self.folder):
            self.seen.add(arguments[0][len(self.folder) :].lstrip("/"))

    def unread(self, seen: set[str]) -> tuple[int, list[str]]:
        """How many files there are, and those that are neither in `seen` nor left out with a reason."""
        root = Path(self.folder)
        files = [str(path.relative_to(root)) for path in sorted(root.rglob("*")) if path.is_file()]
        left = [name for name in files if not any(fnmatch(name, pattern) for pattern in LEFT_OUT)]
        return len(files), [name for name in left if name not in seen]
