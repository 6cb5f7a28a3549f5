"""What every module that turns settings into a source shares: the shape of what lands one, a secret's text, the patience of doctor.

Not here: the sources of the settings (`vendor_sources`, `analytics_tools`, `folder_sources`), which connectors there are (`registry`).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from pydantic import SecretStr

from uam_platform.connectors.http_json import Wire
from uam_platform.connectors.retry import Retry
from uam_platform.lake.loads import Load, LoadManifest

Land = Callable[[LoadManifest, str, datetime, Callable[[str], None]], Load | None]
"""(manifest, load id, now, progress) -> the committed load, or None when there is nothing new."""

LOOK: Final = Wire(retry=Retry(attempts=1), timeout_seconds=10)
"""For `uam doctor`: a person waits."""


def secret_text(value: SecretStr | None) -> str:
    """Text of a secret setting; empty where it is not set."""
    return value.get_secret_value() if value is not None else ""
