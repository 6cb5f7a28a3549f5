"""Which browser a user agent names, as SQL.

Here: the families that the envelope's `browser` distinguishes. Not here: where a vendor keeps the user agent (its `*_lines` module).
Browsers that pretend to be another one (Brave says it is Chrome) count as that one.
"""

from typing import Final

_SIGNS: Final = (
    (("Edg/", "EdgA/", "EdgiOS/"), "edge"),
    (("OPR/",), "opera"),
    (("SamsungBrowser/",), "samsung internet"),
    (("Firefox/", "FxiOS/"), "firefox"),
    (("Chrome/", "CriOS/"), "chrome"),
    (("Safari/",), "safari"),
)
"""Signs by family; the first that is found counts, because later ones stand in the agents of earlier ones too."""


def browser_of(agent: str) -> str:
    """SQL of the browser family of a user agent; `other` where it names none, null without an agent.

    Args:
        agent: SQL of the user agent's text.
    """
    has = {family: " OR ".join(f"contains({agent}, '{sign}')" for sign in signs) for signs, family in _SIGNS}
    cases = " ".join(f"WHEN {found} THEN '{family}'" for family, found in has.items())
    return f"CASE WHEN {agent} IS NULL THEN NULL {cases} ELSE 'other' END"
