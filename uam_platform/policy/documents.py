"""Documents: how large they may be, which folder or title names their customer, and what kind of document one is.

Here: the typed model of `rulebook/documents.yaml` and what it says of a path. Not here: reading files (`uam_platform.connectors`), the
customers themselves (`uam_platform.staging`).
"""

import re
from fnmatch import fnmatchcase

from pydantic import Field, field_validator

from uam_platform.contracts.vocabulary_evidence import DOCUMENT_KINDS
from uam_platform.policy.load import PolicyModel
from uam_platform.policy.patterns import check_kinds


class DocumentPolicy(PolicyModel):
    """What may be read, and whose it is."""

    accounts: dict[str, str] = Field(
        default={}, description="path pattern (* and ?): account id, CRM id or exact name; the first that fits counts"
    )
    folders_name_accounts: bool = Field(True, description="a folder that is called like an account holds its documents")
    titles_name_accounts: bool = Field(True, description="a title that names exactly one account belongs to it")
    kinds: dict[str, tuple[str, ...]] = Field(
        default={}, description="patterns on path and title by kind; the first kind with one that is found counts"
    )
    largest_megabytes: float = Field(50, gt=0, description="a larger file is set aside")
    most_pages: int = Field(1000, ge=1, description="a PDF with more pages is set aside")
    seconds_per_file: float = Field(60, gt=0, description="a PDF that takes longer to read is set aside")
    memory_megabytes: int = Field(1024, ge=256, description="what reading a PDF may use")

    @field_validator("kinds")
    @classmethod
    def _kinds_are_known_and_patterns_compile(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        check_kinds(value, DOCUMENT_KINDS)
        return value

    def declared_account(self, path: str) -> str | None:
        """The account that a pattern gives to a path; None where none fits."""
        return next((account for pattern, account in self.accounts.items() if fnmatchcase(path, pattern)), None)

    def kind(self, own: str | None, *words: str) -> str:
        """Kind of a document: its own word where that is a kind, else by pattern, else other."""
        spelled = (own or "").strip().lower().replace(" ", "_").replace("-", "_")
        if spelled in DOCUMENT_KINDS:
            return spelled
        text = " ".join(words).lower().replace("_", " ").replace("-", " ")
        return next((kind for kind, found in self.kinds.items() if any(re.search(p, text) for p in found)), "other")
