"""Changes one thing in the text of a taxonomy file and leaves comments, order and layout as a person wrote them.

Here: synonyms and the version, in flow and in block style, text in and text out. Not here: the files and the log of changes
(`taxonomy_changes`, `taxonomy_history`).
"""

import json
from collections.abc import Callable

import yaml

from uam_platform.policy.event_names import normalise
from uam_platform.policy.load import PolicyError, parse, parse_yaml
from uam_platform.policy.taxonomy import Taxonomy

Pair = tuple[yaml.Node, yaml.Node]
Wanted = Callable[[set[str]], set[str]]


def with_synonym(text: str, event: str, spelling: str) -> str:
    """The file with `spelling` as one more synonym of `event`.

    Raises:
        PolicyError: the event is not in the file, or its layout is one that cannot be changed safely.
    """
    rule = _event(text, event)
    pair = _pair(rule, "synonyms")
    quoted = json.dumps(spelling, ensure_ascii=False)
    if pair is None:
        first, column = rule.value[0][0].start_mark, rule.value[0][0].start_mark.column
        then = ", " if rule.flow_style else "\n" + " " * column
        changed = _put(text, first.index, first.index, f"synonyms: [{quoted}]{then}")
    elif isinstance(pair[1], yaml.SequenceNode) and pair[1].value:
        changed = _appended(text, pair[1], quoted)
    else:
        changed = _put(text, pair[1].start_mark.index, pair[1].end_mark.index, f"[{quoted}]")
    return _checked(text, changed, event, lambda found: {*found, spelling})


def without_synonym(text: str, event: str, spelling: str) -> str:
    """The file without that synonym; a list that becomes empty goes with it.

    Raises:
        PolicyError: the event has no such synonym, or its layout is one that cannot be changed safely.
    """
    rule = _event(text, event)
    pair = _pair(rule, "synonyms")
    items = pair[1].value if pair else []
    place = next((n for n, item in enumerate(items) if normalise(item.value) == normalise(spelling)), None)
    if pair is None or place is None:
        raise PolicyError(f"{event}: has no synonym {spelling!r}; it has {', '.join(i.value for i in items) or 'none'}")
    if len(items) == 1:
        changed = _dropped(text, [p[0] for p in rule.value], [p[1] for p in rule.value], rule.value.index(pair))
    else:
        changed = _dropped(text, items, items, place)
    return _checked(text, changed, event, lambda found: {s for s in found if normalise(s) != normalise(spelling)})


def with_version(text: str, version: int) -> str:
    """The file with another version."""
    pair = _pair(_root(text), "version")
    if pair is None:
        raise PolicyError("version is missing; write version: 1")
    return _put(text, pair[1].start_mark.index, pair[1].end_mark.index, str(version))


def _root(text: str) -> yaml.MappingNode:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode):
        raise PolicyError("the taxonomy is no mapping; write events: {…}")
    return node


def _event(text: str, event: str) -> yaml.MappingNode:
    events = _pair(_root(text), "events")
    found = _pair(events[1], event) if events else None
    if found is None or not isinstance(found[1], yaml.MappingNode) or not found[1].value:
        raise PolicyError(f"{event}: is not declared in this file; declare it first")
    return found[1]


def _pair(mapping: yaml.Node, key: str) -> Pair | None:
    return next((pair for pair in mapping.value if pair[0].value == key), None)


def _put(text: str, begin: int, end: int, written: str) -> str:
    return text[:begin] + written + text[end:]


def _appended(text: str, items: yaml.SequenceNode, quoted: str) -> str:
    if items.flow_style:
        end = items.end_mark.index - 1
        return _put(text, end, end, f", {quoted}")
    last = items.value[-1]
    return _put(text, last.end_mark.index, last.end_mark.index, "\n" + " " * items.start_mark.column + f"- {quoted}")


def _dropped(text: str, begins: list[yaml.Node], ends: list[yaml.Node], place: int) -> str:
    """The text without one of several members: with what divides it from the one before, else from the one after."""
    if place > 0:
        return _put(text, ends[place - 1].end_mark.index, ends[place].end_mark.index, "")
    return _put(
        text, begins[0].start_mark.index, begins[1].start_mark.index if len(begins) > 1 else ends[0].end_mark.index, ""
    )


def _checked(text: str, changed: str, event: str, wanted: Wanted) -> str:
    """`changed`, if it says what `text` said and differs in the synonyms of `event` alone."""
    before, after = (parse(Taxonomy, parse_yaml(each, "taxonomy"), "taxonomy") for each in (text, changed))
    rule = before.events[event].model_copy(update={"synonyms": after.events[event].synonyms})
    is_same = before.model_copy(update={"events": {**before.events, event: rule}}) == after
    if not is_same or set(after.events[event].synonyms) != wanted(set(before.events[event].synonyms)):
        raise PolicyError(f"{event}: the layout of the file cannot be changed safely; edit its synonyms by hand")
    return changed
