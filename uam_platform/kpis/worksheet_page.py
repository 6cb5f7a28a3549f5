"""A worksheet as one HTML file that needs nothing else.

Here: the page. Not here: what it shows (`worksheet`), bars (`plots`), the same as text (the command line).
"""

import base64
from typing import Any, Final

import pandas as pd

from uam_platform.kpis.plots import contributions
from uam_platform.kpis.worksheet import Worksheet
from uam_platform.policy.scores import ORDER

TITLES: Final = {
    "behaviour": "Behaviour",
    "friction": "Friction",
    "health": "Health",
    "expansion": "Expansion",
    "revenue_weight": "Revenue weight",
}
_MOVED_SHOWN: Final = 5
_PAGE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ sheet.account_name }}</title><style>
body{font:15px/1.45 system-ui,sans-serif;color:#1d2a30;max-width:1000px;margin:2em auto;padding:0 1em}
h1{margin-bottom:0}h2{margin:2em 0 .1em}p{margin:.3em 0}.dim{color:#66757c}.cards{display:flex;gap:.8em;margin:1.2em 0;flex-wrap:wrap}
.card{border:1px solid #d5dde1;border-radius:8px;padding:.5em 1em;min-width:8.5em}.card b{font-size:1.6em;display:block}
table{border-collapse:collapse;width:100%}td,th{padding:.35em .6em;border-bottom:1px solid #e3e9ec;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}tr.off td{color:#8a979d}tr.sum td{font-weight:600}
img{max-width:100%}small{color:#66757c}</style></head><body>
<h1>{{ sheet.account_name }}</h1>
<p class="dim">{{ sheet.account_id }} at {{ sheet.as_of }}{% if sheet.before %}, compared with {{ sheet.before }}{% endif %};
formulas version {{ sheet.policy.version }}, owner {{ sheet.policy.owner }}</p>
<div class="cards">{% for part in parts %}
<div class="card">{{ part.title }}<b>{{ part.now }}</b><small>{{ part.change }}</small></div>{% endfor %}</div>
<h2>What changed since {{ sheet.before or "the week before" }}</h2><ul>{% for text in changes %}<li>{{ text }}</li>{% endfor %}</ul>
{% for part in parts %}<h2>{{ part.title }}: {{ part.now }}</h2><p class="dim">{{ part.question }}</p>
{% if part.image %}<img alt="What each line of {{ part.title }} adds" src="data:image/png;base64,{{ part.image }}">{% endif %}
<table><tr><th>Line</th><th>Reading</th><th class="n">adds</th><th class="n">of</th><th class="n">since {{ sheet.before or "–" }}</th></tr>
{% for line in part.lines %}<tr{% if line.state != "counted" %} class="off"{% endif %}>
<td>{{ line.label }}<br><small>{{ line.input }}</small></td>
<td>{{ line.reading }}{% if line.other %}<br><small>Or: {{ line.other }}</small>{% endif %}</td>
<td class="n">{{ line.points }}</td><td class="n">{{ line.possible }}</td><td class="n">{{ line.change }}</td></tr>{% endfor %}
<tr class="sum"><td>Sum</td><td>{{ part.note }}</td><td class="n">{{ part.sum }}</td><td></td><td></td></tr></table>{% endfor %}
{% if sheet.outside %}<h2>Said by other tools</h2><p class="dim">For people: no score reads it.</p>
<ul>{% for text in sheet.outside %}<li>{{ text }}</li>{% endfor %}</ul>{% endif %}
<h2>Rows it stands on</h2>{% for pointer in sheet.pointers %}<p><small>{{ pointer }}</small></p>{% endfor %}
</body></html>
"""


def page(sheet: Worksheet) -> str:
    """The page of a worksheet."""
    from jinja2 import Environment

    parts = [part(sheet, name) | {"image": _image(sheet, name)} for name in ORDER]
    return Environment(autoescape=True).from_string(_PAGE).render(sheet=sheet, parts=parts, changes=changes(sheet))


def part(sheet: Worksheet, name: str) -> dict[str, object]:
    """One score in words: title, question, now, change, lines (label, reading, points and so on), their sum."""
    now, before = sheet.shown(name)
    rows = sheet.lines_of(name)
    return {
        "title": TITLES[name],
        "question": sheet.formula(name).question,
        "now": _said(now, name),
        "change": _change(now, before, sheet),
        "note": _note(sheet, name),
        "sum": f"{rows['points_hundredths'].sum() / 100:.2f}",
        "lines": [_line(row) for row in rows.to_dict("records")],
    }


def changes(sheet: Worksheet) -> list[str]:
    """What changed since the week before, in words: churn score and reasons, dollars, the lines of scores that moved most."""
    if sheet.before is None:
        return ["There is no earlier snapshot to compare with."]
    told = list(sheet.week.texts) if sheet.week else ["No churn score in both weeks, so nothing is said of dollars."]
    rows = sheet.lines[(sheet.lines["line_state"] == "counted") & sheet.lines["points_before_hundredths"].notna()]
    steps = [(int(row["points_hundredths"] - row["points_before_hundredths"]), row) for row in rows.to_dict("records")]
    moved = sorted((one for one in steps if one[0]), key=lambda one: -abs(one[0]))[:_MOVED_SHOWN]
    return [*told, *(_moved(row, step) for step, row in moved)] if moved else [*told, "No line of any score moved."]


def _moved(row: dict[Any, Any], step: int) -> str:
    values = [row["input_before"], row["input_value"]]
    numbers = "" if any(pd.isna(v) for v in values) else f" ({values[0]:g} to {values[1]:g})"
    return f"{TITLES[row['score_name']]}, {row['label']}: {step / 100:+.2f} points{numbers}."


def _line(row: dict[Any, Any]) -> dict[str, object]:
    points, before = row["points_hundredths"], row["points_before_hundredths"]
    is_counted = row["line_state"] == "counted"
    moved = "" if not is_counted or pd.isna(before) else f"{(points - before) / 100:+.2f}"
    return {
        "state": row["line_state"],
        "label": row["label"],
        "input": row["input_name"],
        "reading": row["reading"],
        "other": row["alternative_reading"] if is_counted else None,
        "points": f"{points / 100:.2f}" if is_counted else row["line_state"],
        "possible": f"{row['possible_hundredths'] / 100:.2f}" if is_counted else "",
        "change": "" if moved in ("+0.00", "-0.00") else moved,
    }


def _said(score: float | None, name: str) -> str:
    if score is None:
        return "unknown"
    return f"× {score:.2f}" if name == "revenue_weight" else f"{score:.2f}"


def _change(now: float | None, before: float | None, sheet: Worksheet) -> str:
    if now is None or before is None:
        return "not comparable"
    return f"{now - before:+.2f} since {sheet.before}"


def _note(sheet: Worksheet, name: str) -> str:
    if name == "revenue_weight":
        return f"weighted: {sheet.scores['revenue_weight_usd_cents'] / 100:,.2f} USD a year"
    if name == "expansion" and sheet.shown(name)[0] is not None:
        return f"rank {sheet.scores['expansion_rank']} of {sheet.account_count}; a rank, not a probability"
    return "" if sheet.shown(name)[0] is not None else "too little is known for a score"


def _image(sheet: Worksheet, name: str) -> str:
    rows = sheet.lines_of(name)
    rows = rows.loc[rows["line_state"] == "counted"]
    if rows.empty:
        return ""
    bars = contributions(
        "",
        rows["label"].tolist(),
        (rows["points_hundredths"] / 100).tolist(),
        (rows["possible_hundredths"] / 100).tolist(),
    )
    return base64.b64encode(bars).decode()
