"""Who may send: write keys of client and server sources, and webhooks with their secrets, from one YAML file of the company's own.

Here: the typed model, reading the file, finding the sender of a key. Not here: where a request carries its key (the module of each
vendor), signatures (`webhooks`).

A key says on which side its source runs, whatever the event claims: a browser cannot speak for the backend, because its key is public.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, model_validator

from uam_platform.policy.load import PolicyError, PolicyModel, parse, read_yaml

_NAME: Final = r"^[a-z][a-z0-9_]{0,39}$"
_PLACEHOLDER: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class WriteKey(PolicyModel):
    """One source that sends events."""

    key: str = Field(
        min_length=8, max_length=200, description="write key, project token or API key, as the client sends it"
    )
    source: str = Field(pattern=_NAME, description="name of the source; ids of events are unique within it")
    side: Literal["client", "server"]


class Webhook(PolicyModel):
    """One sender of signed deliveries, at /webhooks/<name>."""

    name: str = Field(pattern=_NAME)
    kind: Literal["segment", "zendesk", "signed"]
    secret: str = Field(min_length=8, max_length=200)
    previous_secret: str | None = Field(
        None, min_length=8, max_length=200, description="accepted too while the sender's secret is being replaced"
    )
    lands: Literal["events", "records", "signals"] = Field(
        "records", description="what a signed delivery holds; segment: events, zendesk: records"
    )
    side: Literal["client", "server"] = Field("server", description="side of its events")

    @property
    def secrets(self) -> tuple[str, ...]:
        """Secrets whose signatures are taken."""
        return (self.secret, *([self.previous_secret] if self.previous_secret else []))

    @model_validator(mode="after")
    def _signals_are_signed_by_our_rule(self) -> "Webhook":
        if self.lands == "signals" and self.kind != "signed":
            raise ValueError(f"webhook {self.name}: only kind signed lands signals, not {self.kind}")
        return self


class SenderFile(PolicyModel):
    """The whole file."""

    keys: tuple[WriteKey, ...] = ()
    webhooks: tuple[Webhook, ...] = ()

    @model_validator(mode="after")
    def _unique(self) -> "SenderFile":
        for what, names in (("key", [k.key for k in self.keys]), ("webhook", [w.name for w in self.webhooks])):
            if len(set(names)) < len(names):
                raise ValueError(f"the same {what} is listed twice")
        if not self.keys and not self.webhooks:
            raise ValueError("neither keys nor webhooks are listed, so nobody could send")
        return self


@dataclass(frozen=True)
class Sender:
    """Whoever a request comes from.

    Attributes:
        source: name of the source.
        side: client or server.
    """

    source: str
    side: str


@dataclass(frozen=True)
class Senders:
    """Everybody who may send."""

    by_key: Mapping[str, Sender]
    webhooks: Mapping[str, Webhook]

    def find(self, candidates: Iterable[object]) -> Sender | None:
        """The sender of the first known key among what a request carries; None when there is none."""
        for candidate in candidates:
            if isinstance(candidate, str) and (sender := self.by_key.get(candidate)):
                return sender
        return None

    def __repr__(self) -> str:
        return f"{len(self.by_key)} write keys, {len(self.webhooks)} webhooks"


def read_senders(path: Path, variables: Mapping[str, str]) -> Senders:
    """The senders of a file; `${NAME}` in it stands for a variable of the environment.

    Raises:
        PolicyError: the file is missing, wrong or names a variable that is not set; the message names the key.
    """
    text = _filled(read_yaml(path), variables, path)
    found = parse(SenderFile, text, str(path))
    by_key = {k.key: Sender(k.source, k.side) for k in found.keys}
    return Senders(by_key, {w.name: w for w in found.webhooks})


def _filled(value: object, variables: Mapping[str, str], path: Path) -> object:
    if isinstance(value, Mapping):
        return {name: _filled(inner, variables, path) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, variables, path) for inner in value]
    if not isinstance(value, str):
        return value
    for name in _PLACEHOLDER.findall(value):
        if name not in variables:
            raise PolicyError(f"{path}: ${{{name}}} is not set in the environment")
    return _PLACEHOLDER.sub(lambda found: variables[found[1]], value)
