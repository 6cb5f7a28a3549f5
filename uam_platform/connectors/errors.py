"""How a connector fails, so that the caller knows whether trying again can help.

Here: the two failure classes every connector raises. Mistakes in a mapping are `uam_platform.policy.load.PolicyError`.
Not here: how often to retry (`retry`), what the orchestration does with a class (`uam_platform.orchestration`).
"""


class ConnectorError(Exception):
    """A connector could not read its source.

    Args:
        where: connector and what it was reading, e.g. `zendesk ticket export`.
        what: what went wrong, with the vendor's own words where there are any.
        action: what a person can do about it.
    """

    def __init__(self, where: str, what: str, action: str) -> None:
        self.where, self.what, self.action = where, what, action
        super().__init__(f"{where}: {what.rstrip('. ')}. {action}")


class TransientError(ConnectorError):
    """The same request may succeed later: throttling, an outage, a cut connection.

    Args:
        where: connector and what it was reading.
        what: what went wrong.
        action: what a person can do if it lasts.
        retry_after_seconds: how long the vendor asked to wait, where it did.
    """

    def __init__(
        self,
        where: str,
        what: str,
        action: str = "The load was not committed; the next run starts again from the last complete one.",
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(where, what, action)
        self.retry_after_seconds = retry_after_seconds


class PermanentError(ConnectorError):
    """The same request will fail again until a person changes something: credentials, rights, a setting, a quota."""
