"""Recorded and published shapes of vendors' APIs, read from a folder that is not part of this repository.

Belongs here: finding them, and validating objects against a vendor's OpenAPI document. Does not belong here: tests. A test that needs
them is skipped, with the variable to set, where the folder is absent.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

FOLDER = os.environ.get("UAM_VENDOR_SAMPLES", "")
needs_samples = pytest.mark.skipif(not FOLDER, reason="UAM_VENDOR_SAMPLES names no folder of recorded vendor shapes")


def sample(name: str) -> Any:
    """A recorded JSON file, e.g. `gong/nango/calls.json`."""
    return json.loads((Path(FOLDER) / name).read_text(encoding="utf-8"))


def interactions(name: str) -> list[dict[str, Any]]:
    """Recorded requests and answers of one file: method, path, request, status, response."""
    found = sample(name)["interactions"]
    return [
        {"method": method, "path": path, **each}
        for method, by_path in found.items()
        for path, recorded in by_path.items()
        for each in (recorded if isinstance(recorded, list) else [recorded])
    ]


@cache
def openapi(name: str) -> dict[str, Any]:
    """An OpenAPI document whose answers may hold null anywhere: published ones forget to say so, recorded answers do it."""
    document: dict[str, Any] = sample(name)
    for schema in document["components"]["schemas"].values():
        _relax(schema)
    return document


def _relax(node: Any) -> None:
    if isinstance(node, list):
        for each in node:
            _relax(each)
    if not isinstance(node, dict):
        return
    for each in node.values():
        _relax(each)
    if isinstance(node.get("type"), str):
        node["type"] = [node["type"], "null"]
        if "enum" in node:
            node["enum"] = [*node["enum"], None]


def problems(document: dict[str, Any], schema: str, body: Any) -> list[str]:
    """What is wrong with `body` by a named schema, unknown top-level keys included."""
    root = {**document["components"]["schemas"][schema], "components": document["components"]}
    validator = jsonschema.Draft202012Validator(root)
    wrong = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in validator.iter_errors(body)]
    unknown = set(body) - set(document["components"]["schemas"][schema].get("properties", body))
    return wrong + [f"unknown key {key}" for key in sorted(unknown)]


def made(document: dict[str, Any], schema: Any, depth: int = 0) -> Any:
    """An object with every property of a schema filled: examples where they fit the type, else a plain value."""
    if isinstance(schema, str):
        schema = document["components"]["schemas"][schema]
    if "$ref" in schema:
        target = document["components"]["schemas"].get(schema["$ref"].rsplit("/", 1)[-1])
        return None if target is None or depth > 8 else made(document, target, depth + 1)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: made(document, each, depth + 1) for name, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [made(document, schema.get("items", {"type": "string"}), depth + 1)]
    example = schema.get("example", next(iter(schema.get("enum", ())), None))
    plain = {"string": "x", "integer": 1, "number": 1.5, "boolean": True}[kind]
    return example if isinstance(example, type(plain)) else plain
