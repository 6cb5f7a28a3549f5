"""The timeline of one account as one HTML file: a plot of its weeks, then every line with its pointer.

Here: drawing and writing. Not here: which lines there are (`timeline`).
"""

import base64
from collections.abc import Sequence
from html import escape
from typing import Any, Final

import pandas as pd

from uam_platform.orchestration.plots import figure, png
from uam_platform.timeline_lines import Line

_MARKERS: Final = {
    "value": "#1f6f8b",
    "progress": "#6b8b1f",
    "intent": "#d08c60",
    "friction": "#8b1f4b",
    "activity": "#b8c4cc",
}
_MARKS: Final = {
    "ticket": "v",
    "alert": "*",
    "action": "P",
    "contract": "s",
    "sequence": "D",
    "journey": "o",
    "flag": "^",
    "announced": "X",
}
_STYLE: Final = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1100px;padding:0 1rem;color:#1c2733}
h1{font-size:1.5rem;margin-bottom:.2rem} p{color:#51606d;margin-top:.2rem} img{width:100%}
table{border-collapse:collapse;width:100%} td,th{padding:.3rem .5rem;text-align:left;vertical-align:top;border-bottom:1px solid #e3e8ec}
td.t{white-space:nowrap;font-variant-numeric:tabular-nums} td.p{color:#6b7a87;font:12px ui-monospace,monospace}
td.p{overflow-wrap:anywhere;max-width:22rem}
span{padding:.05rem .45rem;border-radius:.6rem;background:#e8eef2;font-size:.85rem}
.change{background:#f6f0cf}
.friction,.alert{background:#f4d9e3}.value,.contract{background:#d6e9f0}.ticket{background:#f6e5d8}.intent{background:#f8ead9}
.sequence,.journey{background:#e6ecd5}.release,.flag,.announced{background:#e9e2f3}
"""


def page(account_id: str, lines: Sequence[Line]) -> str:
    """One HTML file that needs nothing else."""
    first, last = (f"{lines[0].at:%Y-%m-%d}", f"{lines[-1].at:%Y-%m-%d}") if lines else ("", "")
    picture = base64.b64encode(plot(lines)).decode()
    rows = "\n".join(
        f'<tr><td class="t">{x.at:%Y-%m-%d %H:%M}</td><td><span class="{escape(x.kind)}">{escape(x.kind)}</span></td>'
        f'<td>{escape(x.text)}</td><td class="p">{escape(x.pointer)}</td></tr>'
        for x in lines
    )
    name = escape(account_id)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Timeline of {name}</title><style>{_STYLE}</style></head>'
        f"<body><h1>Timeline of {name}</h1><p>{first} to {last}, UTC, as known now: {len(lines):,} lines. People are counted, not "
        f'named; each line says where its rows are.</p><img alt="Activity by week" src="data:image/png;base64,{picture}">'
        "<table><thead><tr><th>When</th><th>What</th><th>In words</th><th>Rows</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></body></html>"
    )


def plot(lines: Sequence[Line]) -> bytes:
    """Events by week and marker, the churn score over them, and marks for tickets, alerts, contract, sequences."""
    made, axes = figure("Activity by week", "", "events a week", size=(11.0, 5.0))
    frame = pd.DataFrame(
        [(x.at, x.kind, x.text, x.count) for x in lines], columns=["at", "kind", "text", "event_count"]
    )
    if len(frame):
        frame["week"] = frame["at"].dt.to_period("W").dt.start_time
        _bars(axes, frame)
        _marks(axes, frame)
        _score(axes, frame)
        acted = frame.loc[frame["kind"].isin(_MARKERS), "at"]
        if len(acted):  # contract terms reach years further than what was seen
            axes.set_xlim(acted.min() - pd.Timedelta(days=10), acted.max() + pd.Timedelta(days=10))
        made.legend(loc="outside lower center", ncols=6, frameon=False, fontsize=8)
    return png(made)


def _bars(axes: Any, frame: pd.DataFrame) -> None:
    weekly = frame[frame["kind"].isin(_MARKERS)].groupby(["week", "kind"])["event_count"].sum().unstack(fill_value=0)
    floor = pd.Series(0, index=weekly.index)
    for kind, colour in _MARKERS.items():
        if kind in weekly:
            axes.bar(weekly.index, weekly[kind], width=6, bottom=floor, color=colour, label=kind, align="edge")
            floor = floor + weekly[kind]


def _marks(axes: Any, frame: pd.DataFrame) -> None:
    """Marks in lanes above the bars, one lane per kind."""
    top = axes.get_ylim()[1]
    for lane, (kind, mark) in enumerate(_MARKS.items(), start=1):
        own = frame[frame["kind"] == kind]
        if len(own):
            height = [top * (1 + 0.055 * lane)] * len(own)
            axes.scatter(own["at"], height, marker=mark, s=26, label=kind, color="#1c2733", alpha=0.7, linewidths=0)
    axes.set_ylim(0, top * (1 + 0.055 * (len(_MARKS) + 1)))


def _score(axes: Any, frame: pd.DataFrame) -> None:
    own = frame[frame["kind"] == "score"]
    if len(own):
        right = axes.twinx()
        percent = own["text"].str.extract(r"probability (\d+)%")[0].astype(float)
        right.plot(own["at"], percent, color="#c0392b", linewidth=1.5, label="churn probability")
        right.set(ylabel="churn probability, %", ylim=(0, 105))
