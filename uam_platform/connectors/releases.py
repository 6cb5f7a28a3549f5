"""Releases, feature flags, their exposures and the company's calendar, from files in a folder or bucket.

Here: which form a record has. Not here: reading files (`record_files`), the canonical tables (`uam_platform.staging.changes`).

Files are CSV, JSON or JSON lines, in any layout: a job that exports the release list each night, a webhook receiver that writes one
file per call, a calendar kept by hand. A record is told by its fields, not by its file: GitHub's releases and its webhook around
one, PostHog's feature flags and its `$feature_flag_called` events, and three plain forms (release, flag exposure,
announcement). Who wrote, uploaded or sent something is not kept.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from uam_platform.connectors.dropped_files import DropFolder
from uam_platform.connectors.record_files import Formed, land_files
from uam_platform.lake.loads import Load, LoadManifest

NAME: Final = "releases"

_PERSONS: Final = frozenset(
    {
        "author",
        "created_by",
        "last_modified_by",
        "updated_by",
        "uploader",
        "sender",
        "assets",
        "reactions",
        "mentions_count",
    }
)
_CALLED: Final = "$feature_flag_called"


def land(
    folder: DropFolder, manifest: LoadManifest, load_id: str, now: datetime, progress: Callable[[str], None]
) -> Load | None:
    """Land what new files say; None when nothing is new. Arguments and errors are those of `record_files.land_files`."""
    return land_files(folder, form_of, manifest, load_id, now, progress)


def form_of(record: Mapping[str, Any]) -> Formed | None:
    """The form of a record: github_release, posthog_flag, flag_call, flag_exposure, release or announcement."""
    if isinstance(record.get("release"), Mapping) and "action" in record:
        return _github(record["release"], str(record["action"]), record.get("repository"))
    if "tag_name" in record:
        return _github(record, "published", None)
    if record.get("event") == _CALLED:
        return _called(record)
    if "key" in record and "filters" in record:
        return _formed("posthog_flag", record, "key", ("updated_at",))
    if "flag_key" in record and "exposed_at" in record:
        return _formed("flag_exposure", record, "exposure_id", ("exposed_at",))
    if "released_at" in record and ({"release_id", "version"} & set(record)):
        return _formed(
            "release", record, "release_id" if record.get("release_id") else "version", ("updated_at", "released_at")
        )
    if "kind" in record and ({"starts_on", "starts_at"} & set(record)):
        return _formed("announcement", record, "announcement_id", ("updated_at", "announced_at"))
    return None


def _formed(form: str, record: Mapping[str, Any], id_field: str, times: tuple[str, ...]) -> Formed:
    own = record.get(id_field)
    modified = next((str(record[name]) for name in times if record.get(name)), None)
    return Formed(form, str(own) if own not in (None, "") else None, modified, _kept(record))


def _github(release: Mapping[str, Any], action: str, repository: Any) -> Formed:
    """A release as GitHub's API lists it, or as its webhook sends it with what was done to it."""
    name = repository.get("full_name") if isinstance(repository, Mapping) else None
    own = release.get("id") or release.get("tag_name")
    payload = {**_kept(release), "_action": action, **({"_repository": name} if name else {})}
    modified = next((str(release[n]) for n in ("updated_at", "published_at", "created_at") if release.get(n)), None)
    return Formed("github_release", str(own), modified, payload)


def _called(record: Mapping[str, Any]) -> Formed | None:
    """What PostHog records when somebody was served a flag: flag, answer, user and groups are kept, the page is not."""
    properties = record.get("properties")
    if not isinstance(properties, Mapping) or "$feature_flag" not in properties:
        return None
    groups = properties.get("$groups")
    payload = {
        "flag_key": properties["$feature_flag"],
        "variant": properties.get("$feature_flag_response"),
        "user_id": record.get("distinct_id"),
        "groups": dict(groups) if isinstance(groups, Mapping) else {},
        "exposed_at": record.get("timestamp"),
    }
    own = record.get("uuid") or record.get("id")
    return Formed("flag_call", str(own) if own else None, str(record.get("timestamp") or "") or None, payload)


def _kept(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in _PERSONS and not name.endswith("_url")}
