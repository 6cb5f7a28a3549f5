"""The pack as one HTML file that needs nothing else: tables, plots inside.

Here: plots and the template. Not here: what is shown (`pack`).
"""

import base64
from datetime import date, timedelta
from typing import Any, Final

from markupsafe import Markup

from uam_platform.contracts.money import dollars
from uam_platform.orchestration.plots import figure, png
from uam_platform.reviews.facts import Facts
from uam_platform.reviews.pack import TITLE, Pack

_WEEKS: Final = 26
_BLUE, _ORANGE, _GREEN = "#1f6f8b", "#d08c60", "#6b8b1f"
_SIZE: Final = (5.6, 2.6)


def render(pack: Pack, facts: Facts) -> str:
    """The page; equal packs give equal pages."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("uam_platform.reviews"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"usd": dollars, "pct": lambda ratio: f"{ratio:.1%}"}
    return environment.get_template("pack.html").render(
        pack=pack, title=TITLE, plots=[_at_risk(facts), _openings(facts), _concentration(pack), _value(facts)]
    )


def _at_risk(facts: Facts) -> Markup:
    recent = facts.revenue_by_week.tail(_WEEKS)
    made, axes = figure("Revenue at risk", "", "USD thousand a year", _SIZE)
    axes.plot(recent["as_of"], recent["revenue_at_risk_usd_cents"] / 100_000, color=_BLUE, linewidth=1.8)
    axes.set_ylim(bottom=0)
    axes.tick_params(axis="x", labelrotation=30, labelsize=8)
    return _image(made, "Revenue at risk over the last snapshots")


def _openings(facts: Facts) -> Markup:
    weeks: dict[date, dict[str, int]] = {}
    for as_of, transition, count in facts.openings:
        monday = as_of - timedelta(days=as_of.weekday())
        name = "resolved" if transition == "resolved" else "opened"
        weeks.setdefault(monday, {"opened": 0, "resolved": 0})[name] += count
    shown = sorted(weeks)[-_WEEKS:]
    made, axes = figure("Alerts by week", "", "alerts", _SIZE)
    axes.bar(shown, [weeks[w]["opened"] for w in shown], width=5, color=_ORANGE, label="opened or back")
    axes.bar(shown, [-weeks[w]["resolved"] for w in shown], width=5, color=_GREEN, label="resolved")
    axes.axhline(0, color="#555", linewidth=0.6)
    axes.tick_params(axis="x", labelrotation=30, labelsize=8)
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    axes.legend(frameon=False, fontsize=8)
    return _image(made, "Alerts opened and resolved by week")


def _concentration(pack: Pack) -> Markup:
    made, axes = figure("Top risks", "USD thousand a year", "", _SIZE)
    names = [f"{r['account'][:26]}" for r in pack.risks][::-1]
    axes.barh(range(len(names)), [r["at_risk"] / 100_000 for r in pack.risks][::-1], color=_BLUE)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    return _image(made, "Accounts with the most revenue at risk")


def _value(facts: Facts) -> Markup:
    """Dollars of accounts where durable value strengthens, upwards, and weakens, downwards."""
    sides = facts.value_weeks.pivot_table(
        index="as_of", columns="value_direction", values="arr_usd_cents", aggfunc="sum", fill_value=0
    )
    shown = sides.reindex(columns=["strengthening", "weakening"], fill_value=0).tail(_WEEKS) / 100_000
    made, axes = figure("Durable value", "", "USD thousand a year", _SIZE)
    axes.plot(shown.index, shown["strengthening"], color=_GREEN, linewidth=1.8, label="strengthening")
    axes.plot(shown.index, shown["weakening"], color=_ORANGE, linewidth=1.8, label="weakening")
    axes.set_ylim(bottom=0)
    axes.tick_params(axis="x", labelrotation=30, labelsize=8)
    axes.legend(frameon=False, fontsize=8)
    return _image(made, "Dollars a year where durable value strengthens and weakens")


def _image(made: Any, title: str) -> Markup:
    content = base64.b64encode(png(made)).decode()
    return Markup('<img alt="{}" src="data:image/png;base64,{}">').format(title, content)
