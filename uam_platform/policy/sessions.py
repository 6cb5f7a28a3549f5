"""Session rules by product type (R97, R99, R100).

Here: the typed model of `rulebook/sessions.yaml`. Not here: grouping rows into sessions (`uam_platform.temporal.sessions`).
"""

from typing import Final

from pydantic import Field

from uam_platform.policy.load import PolicyModel

_MINUTE_US: Final = 60_000_000


class SessionRule(PolicyModel):
    """How one product type groups actions."""

    gap_minutes: int = Field(ge=1, le=240, description="silence that ends a session")
    cap_hours: int = Field(ge=1, le=24, description="longest session; a longer run of actions is cut")
    reason: str

    @property
    def gap_us(self) -> int:
        """Silence that a session survives, in microseconds."""
        return self.gap_minutes * _MINUTE_US

    @property
    def cap_us(self) -> int:
        """Longest session, in microseconds."""
        return self.cap_hours * 60 * _MINUTE_US


class SessionPolicy(PolicyModel):
    """Session rules of all product types."""

    product_types: dict[str, SessionRule]

    def rule(self, product_type: str) -> SessionRule:
        """The rule of `product_type`.

        Raises:
            KeyError: the product type has no rule; the message lists those that do.
        """
        if product_type not in self.product_types:
            known = ", ".join(sorted(self.product_types))
            raise KeyError(f"no session rule for product type {product_type!r}; rulebook/sessions.yaml knows: {known}")
        return self.product_types[product_type]
