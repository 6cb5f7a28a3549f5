"""The vocabulary's words on what the company itself changed or announced: releases, flags, rollouts, the calendar.

Here: columns of the tables in `tables_changes`. Not here: words that tables of several rooms share (`vocabulary`, which also
joins these to the whole).
"""

from uam_platform.contracts.model import Column, Purpose, Type

_WEB, _FIX, _AUDIT = Purpose.PRODUCT_DECISIONS, Purpose.ISSUE_RESOLUTION, Purpose.COMPLIANCE
_S, _T = Type.STRING, Type.TIMESTAMP

FLAG_KINDS = ("release", "staged_rollout", "automated_work", "experiment", "other")
ANNOUNCED_KINDS = (
    "staged_rollout",
    "automated_work",
    "public_holiday",
    "shutdown",
    "season",
    "migration",
    "maintenance",
    "other",
)

CHANGE_COLUMNS: tuple[Column, ...] = (
    Column("release_id", _S, "Release, as the release system names it.", purpose=_WEB),
    Column("release_version", _S, "Version or tag that people see.", purpose=_WEB),
    Column(
        "release_kind",
        _S,
        "What a release does.",
        purpose=_WEB,
        allowed=("feature", "fix", "migration", "deprecation", "other"),
    ),
    Column("component", _S, "Part of the product that a release touches.", purpose=_WEB),
    Column("notes", _S, "Release notes, redacted before they were stored.", purpose=_WEB),
    Column("flag_key", _S, "Feature flag, as the flag system names it.", purpose=_WEB),
    Column(
        "flag_kind", _S, "What a flag stands for, by its own word or the rulebook.", purpose=_WEB, allowed=FLAG_KINDS
    ),
    Column("variant", _S, "Variant of the flag that was served, e.g. on, control.", purpose=_WEB),
    Column(
        "exposure_id", _S, "Identity of an exposure: hash of flag, variant, whom it reached and when.", purpose=_AUDIT
    ),
    Column("released_at", _T, "When the release was out.", "UTC", purpose=_WEB),
    Column("exposed_at", _T, "Since when the flag is on for whom it names.", "UTC", purpose=_WEB),
    Column("announcement_id", _S, "Announcement: its own id, or a hash of what it says.", purpose=_AUDIT),
    Column("announced_kind", _S, "What is announced.", purpose=_FIX, allowed=ANNOUNCED_KINDS),
    Column("starts_at", _T, "When what is announced begins.", "UTC", purpose=_FIX),
    Column("ends_at", _T, "When it is over, exclusive; null where nobody said.", "UTC", purpose=_FIX),
    Column("utc_offset_minutes", Type.INT32, "Region that an announcement is for, by its clocks.", "min", purpose=_FIX),
)
