"""Every stream of every source beside every fault of the sandbox, from the table in `faults.yaml`.

Here: the cases, and sources that read a sandbox in this process. Not here: what must hold (`test_every_fault`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from uam_platform import connector_documents
from uam_platform.connectors import amplitude, gong, mixpanel_profiles, posthog, releases, salesforce, segment, zendesk
from uam_platform.connectors.amplitude import AmplitudeSource
from uam_platform.connectors.dropped_files import DropFolder
from uam_platform.connectors.http_json import Wire
from uam_platform.connectors.mixpanel import MixpanelSource
from uam_platform.connectors.object_store import StoreAddress
from uam_platform.connectors.posthog_api import PostHogSource
from uam_platform.connectors.retry import Retry
from uam_platform.connectors.salesforce_session import SalesforceSource
from uam_platform.connectors.segment import SegmentSource
from uam_platform.connectors.zendesk_session import ZendeskSource
from uam_platform.lake.loads import Load, LoadManifest
from uam_platform.simulation.sandbox import credentials as known
from uam_platform.simulation.sandbox.faults import Fault
from uam_platform_tests.connectors.fakes import NOW
from uam_platform_tests.sandbox.tiny_company import END, START

URL: Final = "http://sandbox.example"
ON_A_STORE: Final = ("segment", "releases")
_NOON: Final = END.replace(tzinfo=None) + timedelta(hours=12)
CLOCKS: Final = {"mixpanel": _NOON, "amplitude": _NOON}  # Mixpanel refuses days after today
SECRETS: Final = tuple(
    value
    for name, value in vars(known).items()
    if isinstance(value, str) and ("not-a-secret" in value or "not_a_secret" in value) and name.isupper()
)
_SECONDS: Final = {"timeout": 0.001, "slow": 0.01, "drip": 0.02}

Progress = Callable[[str], None]
Land = Callable[[LoadManifest, str, datetime, Progress], Load | None]


@cache
def table() -> dict[str, Any]:
    """`faults.yaml`."""
    loaded: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("faults.yaml").read_text(encoding="utf-8"))
    return loaded


def excluded(source: str, stream: str, kind: str) -> str | None:
    """Why a fault does not meet a stream, as `docs/connectors.md` tells it; None where it does."""
    return connector_documents.excluded(table(), source, stream, kind)


@dataclass(frozen=True)
class Case:
    """One stream that meets one fault."""

    source: str
    stream: str
    kind: str

    def __str__(self) -> str:
        return f"{self.source}-{self.stream}-{self.kind}"

    @property
    def facts(self) -> dict[str, Any]:
        """How its calls are recognised and how an error names it."""
        found: dict[str, Any] = table()["sources"][self.source][self.stream]
        return found

    @property
    def fails(self) -> bool:
        """Whether the source must say that it could not read."""
        return self.kind in (*table()["transient"], *table()["permanent"])

    @property
    def fault(self) -> Fault:
        """Longer than the patience of one load; a reshaped answer comes as long as it is asked for, an empty one once."""
        refused = 8 if self.source in ON_A_STORE else 3  # the store's own client tries twice before it tells us
        times = {"empty_page": 1, "expired_token": 2}.get(
            self.kind, 100 if self.kind in table()["reshaping"] else refused
        )
        return Fault(
            self.facts["match"],
            self.kind,
            times,
            seconds=_SECONDS.get(self.kind, 0.0),
            query=self.facts.get("query", ""),  # type: ignore[arg-type]
        )


def cases() -> Iterator[Case]:
    """All that are not excluded."""
    kinds = [kind for group in ("transient", "permanent", "harmless", "reshaping") for kind in table()[group]]
    for source, streams in table()["sources"].items():
        for stream in streams:
            yield from (Case(source, stream, kind) for kind in kinds if excluded(source, stream, kind) is None)


def lands(wire: Wire, store_url: str) -> dict[str, Land]:
    """What lands each source.

    Args:
        wire: to the sandbox in this process.
        store_url: origin of a sandbox with a port, for what is read through the store's own client.
    """
    retry = Retry(attempts=2, sleep=wire.retry.sleep)
    return {
        "zendesk": _over(zendesk.land, ZendeskSource(
            f"{URL}/zendesk", START - timedelta(days=60), known.ZENDESK_EMAIL, known.ZENDESK_API_KEY,
            chat_token=known.ZENDESK_CHAT_KEY), wire),
        "gong": _over(gong.land, gong.GongSource(f"{URL}/gong", known.GONG_ACCESS_KEY, known.GONG_ACCESS_KEY_VALUE, START), wire),
        "salesforce": _over(
            salesforce.land, SalesforceSource(f"{URL}/salesforce", known.SALESFORCE_CLIENT_ID, known.SALESFORCE_CLIENT_KEY), wire),
        "mixpanel": _over(mixpanel_profiles.land, MixpanelSource(
            f"{URL}/mixpanel", known.MIXPANEL_KEY, known.MIXPANEL_USER, known.MIXPANEL_PROJECT, START.date()), wire),
        "amplitude": _over(
            amplitude.land, AmplitudeSource(f"{URL}/amplitude", known.AMPLITUDE_KEY, known.AMPLITUDE_SIGNING_KEY, START.date()), wire),
        "posthog": _over(posthog.land, PostHogSource(
            known.POSTHOG_PROJECT, None, f"{URL}/posthog", known.POSTHOG_API_KEY, START - timedelta(days=1), page_rows=40), wire),
        "segment": lambda m, i, n, p: segment.land(
            SegmentSource(_store(store_url, f"s3://{known.SEGMENT_BUCKET}/{known.SEGMENT_PREFIX}"), retry=retry), m, i, n, p),
        "releases": lambda m, i, n, p: releases.land(
            DropFolder("releases", _store(store_url, f"s3://{known.EXPORTS_BUCKET}/releases"), retry), m, i, n, p),
    }  # fmt: skip


def _over(land: Callable[..., Load | None], source: Any, wire: Wire) -> Land:
    return lambda manifest, load_id, now, progress: land(source, manifest, load_id, now, progress, wire=wire)


def _store(url: str, address: str) -> StoreAddress:
    return StoreAddress(address, url, known.S3_ACCESS_KEY, known.S3_SIGNING_KEY, known.S3_REGION)


def all_loads(land: Land, source: str, manifest: LoadManifest, progress: Progress, most: int = 1000) -> list[Load]:
    """Land until nothing is new, as one run of the asset does.

    Args:
        land: what lands the source.
        source: its name.
        manifest: complete loads.
        progress: told about pages and waits.
        most: loads with rows after which nothing new is expected, which saves asking.
    """
    now, found = CLOCKS.get(source, NOW), list[Load]()
    while len([load for load in manifest.loads() if load.files]) < most:
        load = land(manifest, manifest.next_id(source, now), now, progress)
        if load is None:
            break
        found.append(load)
    return found
