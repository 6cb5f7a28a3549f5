"""Which files a path of a mapping names.

Here: variables, globs, paths relative to the mapping. Not here: what is read from them (`files`, `lookups`).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from uam_platform.policy.load import PolicyError

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def matches(path: str, mapping: Path, variables: Mapping[str, str], where: str) -> list[tuple[Path, str]]:
    """Files that a path names, sorted, each with its path as the mapping sees it.

    Args:
        path: as written in the mapping; globs, `${NAME}` and `${NAME:-default}` are allowed.
        mapping: the mapping file; relative paths start at its folder.
        variables: values for `${NAME}`.
        where: mapping file and key, for messages.

    Raises:
        PolicyError: a variable has no value, or no file matches.
    """
    base = mapping.absolute().parent
    pattern = Path(_expanded(path, variables, where)).expanduser()
    anchor = Path(pattern.anchor) if pattern.is_absolute() else base
    relative = pattern.relative_to(pattern.anchor) if pattern.is_absolute() else pattern
    first = next((i for i, part in enumerate(relative.parts) if set(part) & set("*?[")), None)
    if first is None:
        found = [anchor / relative] if (anchor / relative).is_file() else []
    else:
        found = sorted(
            p for p in anchor.joinpath(*relative.parts[:first]).glob(str(Path(*relative.parts[first:]))) if p.is_file()
        )
    if not found:
        raise PolicyError(f"{where}: no file matches {anchor / relative}; paths are relative to the mapping's folder")
    return [(p, str(p.relative_to(base)) if p.is_relative_to(base) else str(p)) for p in found]


def _expanded(text: str, variables: Mapping[str, str], where: str) -> str:
    def value(found: "re.Match[str]") -> str:
        name, default = found.groups()
        given = variables.get(name) or default
        if given is None:
            raise PolicyError(f"{where}: {name} is not set; set it, or write ${{{name}:-a/default/path}}")
        return given

    return _VARIABLE.sub(value, text)
