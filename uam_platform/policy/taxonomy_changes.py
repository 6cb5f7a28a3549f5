"""Accepting a synonym into a company's own taxonomy file, taking it back, and noting changes: file and log change together.

Here: what is written where, and what is refused. Not here: the text of the file (`taxonomy_edit`), the form of the log
(`taxonomy_history`), who proposes synonyms (`uam_platform.governance.synonyms`).
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from uam_platform.lake.atomic import write_atomically
from uam_platform.policy.event_names import normalise
from uam_platform.policy.load import SHIPPED, PolicyError, parse, parse_yaml, read_yaml
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.policy.taxonomy_edit import with_synonym, with_version, without_synonym
from uam_platform.policy.taxonomy_history import History, appended, changes_path, entry_of, read_history, unlogged


@dataclass(frozen=True)
class Decision:
    """Who decided what, when and why.

    Attributes:
        day: the day it is noted under.
        by: who agreed.
        reason: why.
    """

    day: date
    by: str
    reason: str


def own_file(policy_dir: Path | None, mapped: Path | None) -> Path:
    """The taxonomy file that a company may change; made from the shipped one where its rulebook has none yet.

    Args:
        policy_dir: folder of `UAM_POLICY_DIR`.
        mapped: the taxonomy that the mapping names.

    Raises:
        PolicyError: the company has no rulebook of its own; the shipped one is not changed.
    """
    if mapped is not None:
        return mapped
    if policy_dir is None:
        raise PolicyError(
            "the shipped taxonomy is not changed: set UAM_POLICY_DIR to a folder of your own, it is copied there"
        )
    path = policy_dir / "taxonomy.yaml"
    if not path.exists():
        path.write_text((SHIPPED / path.name).read_text(encoding="utf-8"), encoding="utf-8")
        log = changes_path(path)
        log.write_text((SHIPPED / log.name).read_text(encoding="utf-8"), encoding="utf-8")
    return path


def accept(path: Path, spelling: str, event: str, decision: Decision) -> Taxonomy:
    """List `spelling` as a synonym of `event` in the file and in its log.

    Raises:
        PolicyError: the event is not declared, or the spelling already has a meaning.
    """
    taxonomy = _read(path)
    if not normalise(spelling):
        raise PolicyError(f"synonym {spelling!r} has no letter from a to z and no digit to know it by")
    if event not in taxonomy.events:
        raise PolicyError(
            f"--as {event}: is not declared in {path}; add it under events first:\n  {event}: {{meaning: …}}"
        )
    known = taxonomy.canonical_names().get(normalise(spelling))
    if known is not None:
        raise PolicyError(
            f"{spelling!r} already counts as {known}; withdraw it there first"
            if known != event
            else f"{spelling!r} already counts as {event}"
        )
    return _write(path, with_synonym(path.read_text(encoding="utf-8"), event, spelling), decision)


def withdraw(path: Path, spelling: str, decision: Decision) -> tuple[Taxonomy, str]:
    """Take a synonym back, in the file and in its log.

    Returns:
        The taxonomy, and the event it was a synonym of.

    Raises:
        PolicyError: the spelling is no synonym.
    """
    event = _read(path).canonical_names().get(normalise(spelling))
    if event is None:
        raise PolicyError(f"{spelling!r} is no synonym in {path}")
    return _write(path, without_synonym(path.read_text(encoding="utf-8"), event, spelling), decision), event


def note(path: Path, decision: Decision) -> list[str]:
    """Write an entry for what changed in the file since the log's last one; returns the events. A version that was left is raised.

    Raises:
        PolicyError: the file is wrong, or a reason or name is missing.
    """
    taxonomy = _read(path)
    changed = list(unlogged(read_history(path), taxonomy))
    if changed:
        _write(path, path.read_text(encoding="utf-8"), decision)
    return changed


def _read(path: Path) -> Taxonomy:
    return parse(Taxonomy, read_yaml(path), str(path))


def _write(path: Path, text: str, decision: Decision) -> Taxonomy:
    """Both files, each whole: the text with a version above the log's last, and the log with what it lacks."""
    history = read_history(path)
    if not history.entries:
        history = _begun(path, decision)
    last = history.entries[-1].version
    taxonomy = parse(Taxonomy, parse_yaml(text, str(path)), str(path))
    if taxonomy.version <= last:
        text = with_version(text, last + 1)
        taxonomy = parse(Taxonomy, parse_yaml(text, str(path)), str(path))
    changed = unlogged(history, taxonomy)
    if changed:
        log = appended(
            changes_path(path), entry_of(changed, taxonomy.version, decision.day, decision.by, decision.reason)
        )
        write_atomically(path, text)
        write_atomically(changes_path(path), log)
    return taxonomy


def _begun(path: Path, decision: Decision) -> History:
    """A log that begins with the file as it was found."""
    found = _read(path)
    first = entry_of(unlogged(History(), found), found.version, decision.day, decision.by, "As it was found.")
    write_atomically(changes_path(path), appended(changes_path(path), first))
    return read_history(path)
