"""Directory records (CRM contacts, support users) as identity evidence.

Here: the small frame of directory records brought into the integer form of the product's evidence. Not here: reading the vendors'
records (`uam_platform.staging`).
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from uam_platform.identity.evidence import ANONYMOUS, EMAIL
from uam_platform.identity.intervals import clip, days


@dataclass(frozen=True)
class Directory:
    """Directory records in integer form.

    Attributes:
        records: user, email, device (keys, 0 where the record has none), account, role, day, known, occurred_us, source.
    """

    records: pd.DataFrame

    def users(self) -> pd.DataFrame:
        """key, day, known of the product users that records name."""
        named = self.records[self.records["user"] != 0]
        return named.rename(columns={"user": "key"})[["key", "day", "known"]]

    def emails(self) -> pd.DataFrame:
        """key, day, known of the addresses of records."""
        named = self.records[self.records["email"] != 0]
        return named.rename(columns={"email": "key"})[["key", "day", "known"]]

    def links(self) -> pd.DataFrame:
        """Edges between address or device and product user: kind, identifier, previous, user, label, source, known, occurred_us."""
        return pd.concat([self._edges("email", EMAIL), self._edges("device", ANONYMOUS)], ignore_index=True)

    def _edges(self, column: str, kind: str) -> pd.DataFrame:
        both = self.records[(self.records[column] != 0) & (self.records["user"] != 0)]
        edges = both.groupby([column, "user", "source"], as_index=False)[["known", "occurred_us"]].min()
        return edges.rename(columns={column: "identifier"}).assign(kind=kind, label="directory", previous=0)

    def user_accounts(self) -> pd.DataFrame:
        """user, account, known."""
        placed = self.records[(self.records["user"] != 0) & self.records["account"].notna()]
        return placed[["user", "account", "known"]]

    def memberships(self, history: pd.DataFrame, emails: pd.DataFrame) -> pd.DataFrame:
        """Records with an account, tied to persons by product user, else by address.

        Args:
            history: user, person, start, end.
            emails: identifier, person, valid_from, valid_to, start, end of addresses.

        Returns:
            person, account, role, day, start, end.
        """
        placed = self.records[self.records["account"].notna()]
        by_user = placed[placed["user"] != 0].merge(history, on="user")
        by_email = placed[placed["user"] == 0].merge(emails, left_on="email", right_on="identifier")
        on_day = (by_email["valid_from"] <= by_email["day"]) & (by_email["day"] < by_email["valid_to"])
        rows = pd.concat([by_user, by_email[on_day]], ignore_index=True)
        return clip(rows, "start", "end", ("known", None))[["person", "account", "role", "day", "start", "end"]]


def read_directory(directory: pd.DataFrame, grace: timedelta) -> Directory:
    """`staging/users_directory` in integer form.

    Args:
        directory: rows of the table.
        grace: decision grace; a record known by then counts for the day before (see `known_date` of events).
    """
    created = pd.to_datetime(directory["created_at"]).to_numpy("datetime64[us]")
    day = days(directory["created_at"]).to_numpy()
    known = days(pd.to_datetime(directory["known_at"]) - grace).to_numpy()
    records = pd.DataFrame(
        {
            "user": directory["actor_key"].fillna(0).to_numpy(np.int64),
            "email": directory["email_key"].fillna(0).to_numpy(np.int64),
            "device": directory["device_key"].fillna(0).to_numpy(np.int64),
            "account": directory["account_id"].astype(object).where(directory["account_id"].notna(), None).to_numpy(),
            "role": directory["role"].astype(object).where(directory["role"].notna(), None).to_numpy(),
            "day": day,
            "known": np.maximum(known, day),
            "occurred_us": created.astype(np.int64),
            "source": directory["source"].to_numpy(dtype=object),
        }
    )
    return Directory(records)
