"""Recorded answers of vendors for the tests, from the folder that UAM_VENDOR_SAMPLES names.

Belongs here: finding and reading them. Does not belong here: tests. They are not part of this repository; tests that need them skip.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest


def sample(name: str) -> Path:
    """A recorded file below the folder; skips the test that asks when there is none."""
    folder = os.environ.get("UAM_VENDOR_SAMPLES")
    if not folder:
        pytest.skip("UAM_VENDOR_SAMPLES names no folder of recorded vendor answers")
    path = Path(folder) / name
    if not path.exists():
        pytest.skip(f"{path} does not exist below UAM_VENDOR_SAMPLES")
    return path


def interaction(name: str) -> dict[str, Any]:
    """The one recorded HTTP exchange of a file: request, status, response_headers, response."""
    recorded = json.loads(sample(name).read_text(encoding="utf-8"))["interactions"]
    (by_path,) = recorded.values()
    (found,) = by_path.values()
    return found


def operation(name: str, path: str, method: str) -> dict[str, Any]:
    """One operation of a vendor's OpenAPI file."""
    import yaml

    return yaml.safe_load(sample(name).read_text(encoding="utf-8"))["paths"][path][method]


def assert_fits(parameters: dict[str, str], described: dict[str, Any]) -> None:
    """Every parameter exists in the operation and has its type; every required one is there."""
    known = {p["name"]: p for p in described["parameters"] if p.get("in") == "query"}
    assert set(parameters) <= set(known)
    assert {name for name, p in known.items() if p.get("required")} <= set(parameters)
    for name, value in parameters.items():
        kind = known[name]["schema"]["type"]
        assert kind != "integer" or value.isdigit(), name
        assert kind != "boolean" or value in ("true", "false"), name
