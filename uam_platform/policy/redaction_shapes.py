"""Shapes of what redaction cuts: keys, secrets, postal addresses, bank numbers, and their check sums.

Here: patterns and arithmetic. Not here: when a shape is meant and what replaces it (`redaction`).
"""

import re
from typing import Final

CUE_OF_PHONE: Final = re.compile(
    r"(?i)\b(?:phone|telephone|tel|mobile|cell|fax|whatsapp|call(?: me| us| back)?(?: on| at)?|reach (?:me|us)(?: on| at)?"
    r"|ring|dial|text me(?: on| at)?|my number|our number)"
    r"[\s.:]*(?:is|on|at)?[\s.:]*$"
)
TOKEN: Final = re.compile(
    r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # signed tokens
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bAIza[\w-]{30,}"
    r"|\b(?:xox[abprs]|gh[opsu]|glpat|shpat|sk|pk|rk|key|tok|token|secret|pat|api|bearer|[a-z]{2,12}_(?:pat|key|sk|tok|token|secret))"
    r"[_-](?:(?:live|test|prod|proj|ant)[_-])?[A-Za-z0-9_-]{16,}"
    r"|(?<![\w/-])(?=[A-Za-z0-9+/]*[a-z])(?=[A-Za-z0-9+/]*[A-Z])(?=[A-Za-z0-9+/]*\d)[A-Za-z0-9+/]{28,}={0,2}(?![\w-])"
)
SECRET_PARAMETER: Final = re.compile(
    r"(?i)(?P<kept>[?&;](?:access_?token|auth|token|api_?key|key|secret|signature|sig|password|pwd|code|session)=)(?!\[)[^&#\s]+"
)
PASSWORD: Final = re.compile(
    r"(?P<kept>(?i:\b(?:password|passwd|pwd|passphrase|api[ _-]?key|secret key|access key))"
    r"\s*(?::|=|(?i:\bis\b))\s*)(?=\S*[\d!$%&*#@])(?!\[)\S{5,}"
)
_STREET: Final = (
    r"Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way|Court|Ct|Square|Sq|Place|Pl|Terrace|Close|Crescent|Parkway|"
    r"Highway|Hwy|Row|Quay|Alley"
)
_TOWN: Final = r"[^\W\d_a-z][\w'’.-]*\w(?:[ -][^\W\d_a-z][\w'’.-]*\w){0,2}"
_POST_CODE: Final = r"(?:[A-Z]{1,2}-)?\d{4,6}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}"
POSTAL: Final = re.compile(
    rf"(?<![\w#-])\d{{1,5}}[a-zA-Z]?,? (?:{_TOWN}) (?:{_STREET})\b\.?(?:,? (?:{_POST_CODE}))?"
    rf"(?:,? {_TOWN}(?:,? [A-Z]{{2}})?(?:,? (?:{_POST_CODE}))?)?"
    rf"|\b[^\W\d_a-z][\w-]*(?:straße|strasse|str\.|gasse|allee|platz|weg|laan|straat|gatan|vej) \d{{1,4}}[a-z]?"
    rf"(?:,? (?:{_POST_CODE}) {_TOWN})?"
    rf"|\b\d{{1,4}}(?: bis)?,? (?i:rue|avenue|boulevard|place|via|calle|piazza) "
    rf"[^\W\d_][\w'’-]*(?:[ -](?:de|la|le|du|des|[^\W\d_a-z][\w'’-]*)){{0,4}}"
    rf"(?:,? (?:{_POST_CODE}) {_TOWN})?"
    rf"|(?i:\bP\.? ?O\.? Box) \d+(?:,? (?:{_POST_CODE}))?(?:,? {_TOWN})?"
)
IBAN_LENGTHS: Final = dict(
    (pair[:2], int(pair[2:]))
    for pair in (
        "AT20 BE16 BG22 CH21 CY28 CZ24 DE22 DK18 EE20 ES24 FI18 FR27 GB22 GR27 HR21 HU28 IE22 IS26 IT27 LI21 LT20 LU20 LV21 MC27 MT31 "
        "NL18 NO15 PL28 PT25 RO24 SE24 SI19 SK24 SM27 TR26 AE23 SA24 IL23 UA29"
    ).split()
)


def has_passed_luhn(digits: str) -> bool:
    """Check sum of payment cards, ISO/IEC 7812-1 annex B."""
    backwards = [int(c) for c in reversed(digits)]
    doubled = [d * 2 - 9 * (d > 4) for d in backwards[1::2]]
    return (sum(backwards[::2]) + sum(doubled)) % 10 == 0


def has_passed_mod_97(iban: str) -> bool:
    """Check digits of bank account numbers, ISO 13616 / ISO 7064 MOD 97-10."""
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1
