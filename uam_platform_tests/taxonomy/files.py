"""Small taxonomies as a person would write them, for the tests of this folder."""

from pathlib import Path
from typing import Any, Final

from uam_platform.policy.load import SHIPPED, parse, read_yaml
from uam_platform.policy.taxonomy import Taxonomy

SHIPPED_FILE: Final = SHIPPED / "taxonomy.yaml"

GOOD: Final[dict[str, Any]] = {
    "owner": "product-ops",
    "version": 1,
    "since": "2026-01-01",
    "product_type": "reporting",
    "domains": {"reporting": "reports"},
    "events": {
        "report_exported": {
            "meaning": "A report left the product",
            "domain": "reporting",
            "marker": "value",
            "tier": "core",
        },
    },
    "features": ["pivot"],
}


def with_events(**events: Any) -> dict[str, Any]:
    """The good file with other events."""
    return {
        **GOOD,
        "events": {name: {"domain": "reporting", "tier": "context_only", **rule} for name, rule in events.items()},
    }


def shipped(**changed: dict[str, Any] | None) -> Taxonomy:
    """The shipped taxonomy with changed keys of some events; None drops the event."""
    data = read_yaml(SHIPPED_FILE)
    for name, keys in changed.items():
        if keys is None:
            del data["events"][name]
        else:
            data["events"][name] = {k: v for k, v in (data["events"].get(name, {}) | keys).items() if v is not None}
    return parse(Taxonomy, data, "changed.yaml")


def written(folder: Path, text: str) -> Path:
    """A file with this text."""
    path = folder / "taxonomy.yaml"
    path.write_text(text, encoding="utf-8")
    return path
