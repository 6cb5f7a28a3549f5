"""How an event name is read: its words, what it is about, what happened, and whether it is in the past tense.

Here: spelling and grammar of one name, without any rulebook. Not here: which events exist (`taxonomy`), what a finding about a name
says (`taxonomy_lint`), how alike two names are (`uam_platform.governance.spelling`).
"""

import re
from typing import Final

SNAKE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
"""An event name: at least two words in snake case."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PARTICLES: Final = frozenset("in out up off on down over away back through".split())
_LINKS: Final = frozenset("or and".split())
_NO_PARTICIPLE: Final = frozenset(
    "feed seed need speed bed embed weed shed red sled breed exceed proceed succeed".split()
)
_PAST: Final = {
    "begin": "begun", "bind": "bound", "break": "broken", "bring": "brought", "build": "built", "buy": "bought",
    "catch": "caught", "choose": "chosen", "cut": "cut", "draw": "drawn", "drop": "dropped", "find": "found",
    "forget": "forgotten", "freeze": "frozen", "get": "got", "give": "given", "go": "gone", "hide": "hidden", "hit": "hit",
    "hold": "held", "keep": "kept", "leave": "left", "lose": "lost", "make": "made", "meet": "met", "pay": "paid",
    "put": "put", "read": "read", "reset": "reset", "run": "run", "say": "said", "see": "seen", "sell": "sold",
    "send": "sent", "set": "set", "show": "shown", "shut": "shut", "spend": "spent", "split": "split", "submit": "submitted",
    "take": "taken", "tell": "told", "undo": "undone", "win": "won", "withdraw": "withdrawn", "write": "written",
    "plan": "planned", "stop": "stopped", "skip": "skipped", "ship": "shipped", "log": "logged", "tag": "tagged",
    "swap": "swapped", "drag": "dragged", "scan": "scanned", "map": "mapped", "cancel": "cancelled", "refer": "referred",
}  # fmt: skip
_ALSO_PAST: Final = frozenset("broke spoke froze wrote chose took gave went ran sang began drew saw".split())
_REGULAR: Final = frozenset(
    """abandon accept activate add adjust advance apply approve archive assign attempt book call change charge check clear click
    close comment compare complete configure confirm connect contact copy count create decline delete deliver deny disable
    disconnect discover dismiss download edit email embed enable encounter end enter escalate exceed expire explore export extend
    fail filter finish fire follow generate grant identify import install invite issue join launch like limit list load
    lock mention merge migrate move name note notify open order perform pin place play post press print process publish purchase
    query rate reach receive recommend record reduce refund refuse register reject release remove rename renew reopen reorder
    repeat replace reply report request resolve restore resume retry return revert review revoke rotate save schedule scroll
    search select share sign sort start subscribe suspend switch sync tap tour track transfer trigger trust type unlock
    unsubscribe update upgrade upload use validate verify view visit vote warn watch""".split()
)
VERBS: Final = _REGULAR | frozenset(_PAST)
"""Base forms that are told from nouns; what is not listed is taken for a noun."""


def normalise(name: str) -> str:
    """Spelling-free form of an event name: lower case letters and digits only, so `Report Generated` = `reportGenerated`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def words(name: str) -> tuple[str, ...]:
    """Words of a name in any spelling, in lower case: `ctaTapped` is cta, tapped."""
    return tuple(word.lower() for word in _WORD.findall(name))


def snake(name: str) -> str:
    """The name in snake case."""
    return "_".join(words(name))


def is_past(word: str) -> bool:
    """Whether a word can be a past participle."""
    is_regular = word.endswith("ed") and len(word) > 3 and word not in _NO_PARTICIPLE
    return is_regular or word in _ALSO_PAST or word in _PAST.values()


def base(word: str) -> str | None:
    """Base form of a verb in base form, past tense or -ing; None for other words."""
    if word in VERBS:
        return word
    if word in _PAST.values():
        return next(verb for verb, past_form in _PAST.items() if past_form == word)
    for ending in ("ed", "d", "ing"):
        stem = word.removesuffix(ending)
        for candidate in (stem, stem + "e", stem[:-1], stem[:-1] + "y"):
            if stem != word and candidate in _REGULAR:
                return candidate
    return None


def past(verb: str) -> str:
    """Past participle of a base form."""
    if verb in _PAST:
        return _PAST[verb]
    if verb.endswith("e"):
        return verb + "d"
    return verb[:-1] + "ied" if verb.endswith("y") and verb[-2] not in "aeou" else verb + "ed"


def split(name: str) -> tuple[str, str]:
    """What a name in snake case is about, and what happened to it: `user_signed_in` is user, signed_in."""
    parts = name.split("_")
    length = 2 if len(parts) > 2 and parts[-1] in _PARTICLES else 1
    return "_".join(parts[:-length]), "_".join(parts[-length:])


def is_past_tense(name: str) -> bool:
    """Whether what happened is said in the past tense."""
    return is_past(split(name)[1].split("_")[0])


def actions_in(name: str) -> tuple[str, ...]:
    """Words of a name that link or tell several happenings: `created_or_updated`."""
    about, happened = split(name)
    parts = about.split("_")
    links = tuple(word for word in parts if word in _LINKS)
    told = tuple(word for word in parts[1:] if word.endswith("ed") and base(word))
    return (*told, happened) if links or told else ()


def proposed(name: str) -> str:
    """The name as object_action in the past tense, as far as its words tell: `generateReport` becomes report_generated."""
    parts = list(words(name))
    place = next((n for n, word in enumerate(parts) if is_past(word) and base(word)), None)
    if place is None:
        place = next((n for n, word in enumerate(parts) if word in VERBS), None)
    if place is None:
        return "_".join(parts)
    verb = parts.pop(place)
    tail = [parts.pop(place)] if place < len(parts) and parts[place] in _PARTICLES else []
    return "_".join([*parts, verb if is_past(verb) else past(verb), *tail])


def stems(name: str) -> tuple[str, ...]:
    """Words of a name with verbs in their base form and plurals cut, sorted: what two spellings of one thing share."""
    return tuple(sorted(base(word) or word.removesuffix("s") for word in words(name)))
