"""Failures of runs in words for people.

Here: the error a command shows. Not here: mistakes in rules (`uam_platform.policy.load.PolicyError`), vendors' errors
(`uam_platform.connectors.errors`).
"""


class RunError(Exception):
    """A layer failed; the message says which step, why, and where to look."""
