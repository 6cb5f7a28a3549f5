"""The log of what a taxonomy said when: each entry holds the keys that changed, so that the entries together give the file (R78).

Here: reading and writing `taxonomy_changes.yaml` beside a taxonomy, and telling where file and log differ. What an event was is known
without version control, and a change without an entry shows. Not here: what a change affects (`taxonomy_diff`).
"""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import Field, model_validator

from uam_platform.policy.load import PolicyModel, parse, read_yaml
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.policy.taxonomy_lint import Finding

_HEADER: Final = (
    "# What the taxonomy beside this file said when. Append only: `uam taxonomy changelog --note` and `uam taxonomy accept` write it.\n"
    "entries:\n"
)
Keys = dict[str, Any]
States = dict[str, Keys]


class Entry(PolicyModel):
    """One accepted change, of one or more events."""

    version: int = Field(ge=1, description="version of the taxonomy that it made")
    day: date
    by: str = Field(min_length=2, description="who agreed to it")
    why: str = Field(min_length=3)
    events: dict[str, Keys | None] = Field(
        min_length=1,
        description="keys that changed with their new value, null: gone; an event that is null was removed",
    )


class History(PolicyModel):
    """All entries, oldest first."""

    entries: tuple[Entry, ...] = ()

    @model_validator(mode="after")
    def _only_grows(self) -> "History":
        for earlier, later in pairwise(self.entries):
            if later.version <= earlier.version or later.day < earlier.day:
                raise ValueError(f"entry of version {later.version}: entries go from old to new; append at the end")
        return self

    def states(self) -> Iterator[tuple[Entry, States, States]]:
        """Each entry with the events before and after it."""
        now: States = {}
        for entry in self.entries:
            before = now
            now = dict(before)
            for name, keys in entry.events.items():
                merged = {k: v for k, v in (now.pop(name, {}) | (keys or {})).items() if v is not None}
                if keys is not None:
                    now[name] = merged
            yield entry, before, now

    def latest(self) -> States:
        """Keys of every event as the log has them."""
        return next((after for _, _, after in reversed(list(self.states()))), {})


def changes_path(taxonomy: Path) -> Path:
    """The log that belongs to a taxonomy file: `taxonomy.yaml` has `taxonomy_changes.yaml`."""
    return taxonomy.with_name(f"{taxonomy.stem}_changes.yaml")


def read_history(taxonomy: Path) -> History:
    """The log beside a taxonomy file; empty where there is none."""
    path = changes_path(taxonomy)
    return parse(History, read_yaml(path), str(path)) if path.exists() else History()


def definitions(taxonomy: Taxonomy) -> States:
    """Keys of every event as the file has them; what is left at its default is absent."""
    return {name: rule.model_dump(mode="json", exclude_defaults=True) for name, rule in taxonomy.events.items()}


def unlogged(history: History, taxonomy: Taxonomy) -> dict[str, Keys | None]:
    """What an entry would have to say so that log and file agree: changed keys by event."""
    logged, written = history.latest(), definitions(taxonomy)
    changed: dict[str, Keys | None] = {}
    for name, keys in written.items():
        known = logged.get(name, {})
        differing = {key: keys.get(key) for key in (*keys, *known) if keys.get(key) != known.get(key)}
        if differing or name not in logged:
            changed[name] = differing
    return changed | dict.fromkeys(name for name in logged if name not in written)


def unlogged_findings(history: History, taxonomy: Taxonomy, path: Path) -> list[Finding]:
    """A finding for each event that changed without an entry."""
    write = "uam taxonomy changelog --note --by … --reason …"
    return [
        Finding(
            str(path), name, "changed_without_entry", f"{_what(keys)}; {changes_path(path).name} does not say so", write
        )
        for name, keys in unlogged(history, taxonomy).items()
    ]


def _what(keys: Keys | None) -> str:
    return "was removed" if keys is None else f"changed in {', '.join(keys)}"


def written_entry(entry: Entry) -> str:
    """An entry as text, to be appended to the log."""
    head = {"version": entry.version, "day": entry.day, "by": entry.by, "why": entry.why}
    lines = [_line(key, value) for key, value in head.items()]
    body = [f"      {_line(name, keys)}" for name, keys in entry.events.items()]
    return "\n".join([f"  - {lines[0]}", *(f"    {line}" for line in lines[1:]), "    events:", *body, ""])


def _line(key: str, value: Any) -> str:
    """`key: value` on one line."""
    if isinstance(value, dict):
        return f"{key}: {_dumped(value, is_flow=True)}"
    return _dumped({key: value}, is_flow=False)


def _dumped(value: Any, *, is_flow: bool) -> str:
    return yaml.safe_dump(value, default_flow_style=is_flow, sort_keys=False, allow_unicode=True, width=10**6).strip()


def appended(path: Path, entry: Entry) -> str:
    """The text of a log with one more entry."""
    text = path.read_text(encoding="utf-8") if path.exists() else _HEADER
    return text + ("" if text.endswith("\n") else "\n") + written_entry(entry)


def changelog(history: History, title: str) -> str:
    """The log in words, newest first: Markdown."""
    lines = [f"# {title}", ""]
    for entry, before, after in reversed(list(history.states())):
        lines += [
            f"## Version {entry.version}, {entry.day}",
            "",
            f"{entry.why} ({entry.by})",
            "",
            "| Event | Change |",
            "| --- | --- |",
        ]
        lines += [f"| `{name}` | {_told(before.get(name), after.get(name))} |" for name in sorted(entry.events)]
        lines.append("")
    return "\n".join(lines)


def _told(before: Keys | None, after: Keys | None) -> str:
    if after is None:
        return "removed"
    if before is None:
        return f"added: {after.get('meaning', '')}"
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return "; ".join(_step(key, before.get(key), after.get(key)) for key in keys)


def _step(key: str, before: Any, after: Any) -> str:
    if isinstance(before or after, list):
        gone = [f"`{each}` no longer" for each in before or () if each not in (after or ())]
        new = [f"`{each}` too" for each in after or () if each not in (before or ())]
        return f"{key}: {', '.join([*gone, *new])}"
    return f"{key}: {before if before is not None else '–'} → {after if after is not None else '–'}"


def entry_of(changed: Mapping[str, Keys | None], version: int, day: date, by: str, why: str) -> Entry:
    """An entry that says these changes."""
    return Entry(version=version, day=day, by=by, why=why, events=dict(changed))
