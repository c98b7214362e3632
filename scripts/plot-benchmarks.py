#!/usr/bin/env python3
"""Puts measured figures into docs/benchmarks.md, and draws its plots.

    scripts/plot-benchmarks.py [END_TO_END.json] [CRITERION_FOLDER]

By default target/end_to_end.json, which `cargo bench --bench end_to_end -- --json` wrote, and target/criterion, which
`cargo bench --bench filters` filled. What is new there is kept in docs/benchmarks/figures.json, section by section;
a section that was not measured again stays as it is. Nothing but Python's standard library is needed.
"""

import json
import math
import re
import sys
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "benchmarks.md"
FOLDER = ROOT / "docs" / "benchmarks"
FIGURES = FOLDER / "figures.json"
COLOURS = {"relay": "#5b6770", "queue": "#c77700", "amimux": "#1565c0", "forward": "#c77700", "direct": "#c77700"}


# --- figures -------------------------------------------------------------------------------------------------------


def collect(figures, run_file, criterion):
    """Takes over what was measured anew."""
    if run_file.exists():
        run = json.loads(run_file.read_text())
        machine, others, aims = run.pop("machine"), run.pop("used_by_others", []), run.pop("aims", [])
        if "debug" in machine["build"]:
            sys.exit(f"{run_file} is of a debug build: its figures mean nothing")
        for section, entries in run.items():
            measured_with = section.split("_")[0]
            share = next((other["share"] for other in others if measured_with in other["sections"]), None)
            entries = [entry for entry in entries if "failed" not in entry]
            mine = [aim for aim in aims if aim["section"] == section]
            figures[section] = {"machine": machine, "others": share, "entries": entries, "aims": mine}
    measured = {}
    for group in ("legacy_filters", "advanced_filters"):
        for file in sorted(criterion.glob(f"{group}/*/*/new/estimates.json")):
            way, count = file.parts[-4], int(file.parts[-3])
            middle = json.loads(file.read_text())["median"]
            bounds = middle["confidence_interval"]
            # One run of the bench judges a thousand events.
            values = (middle["point_estimate"], bounds["lower_bound"], bounds["upper_bound"])
            point = [count, *(round(value / 1000, 1) for value in values)]
            measured.setdefault(f"{group.split('_')[0]} {way}", []).append(point)
    for points in measured.values():
        points.sort()
    figures.setdefault("filters", {}).update(measured)


def entries(figures, section, **wanted):
    found = figures.get(section, {}).get("entries", [])
    return [entry for entry in found if all(entry.get(key) == value for key, value in wanted.items())]


def points(found, figure):
    """(clients, median, low, high) of each entry that has the figure, in the order of clients."""
    values = [(entry["clients"], entry[figure]) for entry in found if figure in entry]
    return sorted((clients, value["median"], value["low"], value["high"]) for clients, value in values)


# --- plots ---------------------------------------------------------------------------------------------------------

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 78, 225, 46, 56


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:g}"


def linear_ticks(top):
    step = 10 ** math.floor(math.log10(top / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if top / (step * factor) <= 6)
    return [index * step for index in range(math.ceil(top / step) + 1)]


class Axes:
    """Turns figures into places of the picture; both axes can be logarithmic, x always is."""

    def __init__(self, series, log_y):
        xs = [point[0] for _, _, _, line in series for point in line]
        values = [value for _, _, _, line in series for point in line for value in point[1:]]
        self.log_y = log_y
        self.x_low, self.x_high = math.log10(min(xs)), math.log10(max(xs))
        self.x_ticks = sorted(set(xs))
        if log_y:
            low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
            self.y_ticks = [10.0**power for power in range(low, high + 1)]
        else:
            self.y_ticks = linear_ticks(max(values))
        self.y_low, self.y_high = self.scale(self.y_ticks[0]), self.scale(self.y_ticks[-1])

    def scale(self, value):
        return math.log10(value) if self.log_y else value

    def x(self, value):
        share = (math.log10(value) - self.x_low) / max(self.x_high - self.x_low, 1e-9)
        return LEFT + 14 + share * (WIDTH - LEFT - RIGHT - 28)

    def y(self, value):
        share = (self.scale(value) - self.y_low) / (self.y_high - self.y_low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def chart(name, title, x_label, y_label, series, log_y=False):
    """Draws series of (label, colour, dashes, points), with a bar from the lowest to the highest run at each point."""
    series = [one for one in series if one[3]]
    if not series:
        return
    axes = Axes(series, log_y)
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="#222" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="26" font-size="15" font-weight="600">{escape(title)}</text>',
    ]
    for tick in axes.y_ticks:
        y = axes.y(tick)
        out.append(f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number(tick)}</text>')
    for tick in axes.x_ticks:
        out.append(f'<path d="M{axes.x(tick):.1f} {bottom}v5" stroke="#222"/>')
        out.append(f'<text x="{axes.x(tick):.1f}" y="{bottom + 20}" text-anchor="middle">{number(tick)}</text>')
    out.append(f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#222"/>')
    middle = (LEFT + right) / 2
    out.append(f'<text x="{middle}" y="{HEIGHT - 14}" text-anchor="middle">{escape(x_label)}</text>')
    turn = f"rotate(-90 18 {(TOP + bottom) / 2})"
    out.append(f'<text x="18" y="{(TOP + bottom) / 2}" text-anchor="middle" transform="{turn}">{escape(y_label)}</text>')
    for place, (label, colour, dashes, line) in enumerate(series):
        style = f'stroke="{colour}" stroke-width="2"' + (f' stroke-dasharray="{dashes}"' if dashes else "")
        path = "L".join(f"{axes.x(x):.1f} {axes.y(value):.1f}" for x, value, _, _ in line)
        out.append(f'<path d="M{path}" fill="none" {style}/>')
        for x, value, low, high in line:
            out.append(f'<path d="M{axes.x(x):.1f} {axes.y(low):.1f}V{axes.y(high):.1f}" stroke="{colour}"/>')
            out.append(f'<circle cx="{axes.x(x):.1f}" cy="{axes.y(value):.1f}" r="3.5" fill="{colour}"/>')
        y = TOP + 10 + 22 * place
        out.append(f'<path d="M{right + 12} {y}h26" {style}/>')
        out.append(f'<text x="{right + 44}" y="{y + 4}">{escape(label)}</text>')
    out.append("</svg>")
    (FOLDER / f"{name}.svg").write_text("\n".join(out) + "\n")


def draw(figures):
    fixed = [entry for entry in entries(figures, "fanout") if entry["speed"] != "full"]
    for name, title, found in (
        ("cpu-full", "CPU per delivered event, full speed", entries(figures, "fanout", speed="full")),
        ("cpu-rate", "CPU per delivered event, fixed rate", fixed),
    ):
        series = []
        for who in ("relay", "queue", "amimux"):
            line = points([entry for entry in found if entry["who"] == who], "cpu_ns_per_event")
            series.append((who, COLOURS[who], "", line))
        chart(name, title, "clients", "nanoseconds of CPU", series, log_y=True)
    series = []
    for who in ("relay", "queue", "amimux"):
        mine = [entry for entry in fixed if entry["who"] == who]
        for figure, dashes in (("p50", "5 4"), ("p99", "")):
            series.append((f"{who}, {figure}", COLOURS[who], dashes, points(mine, f"latency_{figure}_ms")))
    chart("latency", "Latency from source to reader, fixed rate", "clients", "milliseconds", series, log_y=True)
    filters = figures.get("filters", {})
    series = [
        (label, colour, dashes, filters.get(key, []))
        for label, key, colour, dashes in (
            ("legacy, together", "legacy together", "#1565c0", ""),
            ("legacy, one by one", "legacy one_by_one", "#5b6770", ""),
            ("legacy, glibc", "legacy glibc_one_by_one", "#c77700", ""),
            ("advanced, together", "advanced together", "#1565c0", "5 4"),
            ("advanced, one by one", "advanced one_by_one", "#5b6770", "5 4"),
        )
    ]
    chart("filters", "Judging an event, over the number of filters", "filters", "nanoseconds per event", series, log_y=True)
    draw_asterisk(figures)


def draw_asterisk(figures):
    series = []
    for who, wants in (("direct", "everything"), ("amimux", "everything"), ("direct", "user"), ("amimux", "user")):
        found = entries(figures, "asterisk", who=who, wants=wants)
        label = f"{'directly' if who == 'direct' else 'through amimux'}, {wants}"
        line = points(found, "cpu_beside_none")
        series.append((label, COLOURS[who], "5 4" if wants == "user" else "", line))
    chart("asterisk", "What applications cost Asterisk", "applications", "ms of CPU per second, beside none", series)


# --- tables --------------------------------------------------------------------------------------------------------


def spread(value, digits=0, factor=1.0):
    # The zero takes the sign off a figure that rounds to nothing.
    middle, low, high = (round(value[key] * factor, digits) + 0.0 for key in ("median", "low", "high"))
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def spread_of(entry, figure, digits=0, factor=1.0):
    return spread(entry[figure], digits, factor) if figure in entry else ""


def table(columns, rows):
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


def fanout(figures, section="fanout"):
    rows = []
    for entry in entries(figures, section):
        rows.append([
            f"{entry['clients']:,}", entry["speed"], entry["who"], spread(entry["cpu_ns_per_event"]), f"{entry['ratio']:.2f}",
            spread(entry["deliveries_per_second"], 0, 1e-3),
            f"{entry['core']['median'] * 100:.0f} %" + ("" if entry["kept_up"] else ", fell behind"),
            spread_of(entry, "latency_p50_ms", 2), spread_of(entry, "latency_p99_ms", 2),
        ])
    columns = ["clients", "events", "who", "CPU, ns per delivery", "ratio", "1,000 deliveries/s", "of a core", "p50, ms", "p99, ms"]
    return table(columns, rows)


def views(figures):
    return fanout(figures, "views")


def actions(figures):
    rows = [
        [
            entry["who"], "yes" if entry["flood"] else "no",
            spread_of(entry, "cpu_ns_per_trip"),
            f"{entry['ratio']:.2f}" if "ratio" in entry else "", spread(entry["trips_per_second"]),
            spread(entry["latency_p50_ms"], 2), spread(entry["latency_p99_ms"], 2),
        ]
        for entry in entries(figures, "actions")
    ]
    return table(["who", "one floods", "CPU, ns per round trip", "ratio", "round trips/s", "p50, ms", "p99, ms"], rows)


def idle(figures):
    rows = [
        [f"{entry['clients']:,}", "asked once" if entry["asked_once"] else "only logged in", spread(entry["bytes_per_client"])]
        for entry in entries(figures, "idle")
    ]
    return table(["clients", "which have", "bytes for each"], rows)


def logins(figures):
    rows = [
        [entry["who"], entry["wave"], spread(entry["cpu_us_per_login"]), spread(entry["p50_ms"], 2), spread(entry["p99_ms"], 2)]
        for entry in entries(figures, "logins")
    ]
    return table(["who", "wave", "CPU, µs per login", "p50, ms", "p99, ms"], rows)


def tls(figures):
    return fanout(figures, "tls")


def tls_idle(figures):
    rows = [
        [
            f"{entry['clients']:,}", "TLS" if entry["tls"] else "plain", "asked once" if entry["asked_once"] else "only logged in",
            spread(entry["bytes_per_client"]),
        ]
        for entry in entries(figures, "tls_idle")
    ]
    return table(["clients", "with", "which have", "bytes for each"], rows)


def tls_logins(figures):
    rows = [
        [
            entry["with"], spread(entry["cpu_us_per_login"]), f"{entry['ratio']:.2f}", spread(entry["p50_ms"], 2),
            spread(entry["p99_ms"], 2), spread(entry["per_second"]),
        ]
        for entry in entries(figures, "tls_logins")
    ]
    return table(["with", "CPU, µs per login", "ratio", "p50, ms", "p99, ms", "per second, 16 under way"], rows)


def web_waiting(figures):
    rows = [
        [
            f"{entry['clients']:,}", entry["who"], spread(entry["bytes_per_session"]), spread(entry["idle_us_per_second"]),
            spread(entry["cpu_us_per_answer"], 1), spread(entry["all_answered_ms"]),
        ]
        for entry in entries(figures, "web_waiting")
    ]
    columns = ["sessions", "who", "bytes for each", "CPU meanwhile, µs/s", "CPU, µs per answer", "all answered after, ms"]
    return table(columns, rows)


def web_events(figures):
    rows = [
        [
            f"{entry['clients']:,}", entry["who"], spread(entry["cpu_ns_per_event"]), f"{entry['ratio']:.2f}",
            f"{entry['core']['median'] * 100:.0f} %", f"{entry['bytes_per_event']['median']:,.0f}",
        ]
        for entry in entries(figures, "web_events")
    ]
    return table(["followers", "who", "CPU, ns per delivery", "ratio", "of a core", "bytes for each event"], rows)


def web_requests(figures):
    rows = [
        [
            f"{entry['clients']:,}", entry["who"], spread(entry["cpu_ns_per_request"]), f"{entry['ratio']:.2f}",
            spread(entry["per_second"]), spread(entry["latency_p50_ms"], 2), spread(entry["latency_p99_ms"], 2),
        ]
        for entry in entries(figures, "web_requests")
    ]
    return table(["connections", "who", "CPU, ns per request", "ratio", "requests/s", "p50, ms", "p99, ms"], rows)


def filters(figures):
    measured = figures.get("filters", {})
    counts = sorted({point[0] for line in measured.values() for point in line})
    rows = []
    for name, line in measured.items():
        by_count = {count: f"{value:,.0f} ({low:,.0f} to {high:,.0f})" for count, value, low, high in line}
        rows.append([name.replace("_", " ")] + [by_count.get(count, "") for count in counts])
    return table(["filters, ns per event"] + [f"{count:,}" for count in counts], rows)


def asterisk(figures):
    rows = [
        [
            f"{entry['clients']:,}", {"direct": "directly", "amimux": "through amimux"}.get(entry["who"], ""),
            entry["wants"] if entry["clients"] else "",
            spread(entry["cpu_ms_per_second"], 1), spread_of(entry, "cpu_beside_none", 1), spread(entry["deliveries_per_second"]),
            spread_of(entry, "cpu_ns_per_event", 1, 1e-3), spread_of(entry, "amimux_ms_per_second", 1),
        ]
        for entry in entries(figures, "asterisk")
    ]
    columns = [
        "applications", "connected", "which want", "Asterisk's CPU, ms/s", "beside none", "deliveries/s", "beside none, µs per delivery",
        "amimux's CPU, ms/s",
    ]
    return table(columns, rows)


def aims(figures):
    rows = []
    for section in figures.values():
        for aim in section.get("aims", []):
            sign = "at least" if aim["at_least"] else "at most"
            figure, limit = (number(round(aim[key], 2 if aim[key] < 1000 else None)) for key in ("figure", "limit"))
            rows.append([aim["what"], f"{sign} {limit}", figure, "yes" if aim["reached"] else "**no**"])
    return table(["what", "aim", "measured", "reached"], rows)


def machine(figures):
    rows = []
    for name, section in figures.items():
        if "machine" not in section:
            continue
        on, others = section["machine"], section["others"]
        share = "" if others is None else f"{others * 100:.0f} %"
        about = f"{on['cores']} × {on['processor']}"
        rows.append([name, on["amimux"], about, on["kernel"], on.get("measured", ""), "yes" if on.get("quick") else "no", share])
    columns = ["section", "amimux", "cores", "Linux", "when (UTC)", "--quick", "of the machine used by others"]
    return table(columns, rows)


TABLES = [
    machine, fanout, views, actions, idle, logins, tls, tls_idle, tls_logins, web_waiting, web_events, web_requests, filters,
    asterisk, aims,
]


def fill(text, name, lines):
    begin, end = f"<!-- figures: {name} -->", "<!-- end of figures -->"
    pattern = re.compile(re.escape(begin) + r"\n.*?" + re.escape(end), re.DOTALL)
    if not pattern.search(text):
        sys.exit(f"{DOCUMENT} has no place for the figures of {name}")
    return pattern.sub(lambda _: "\n".join([begin, *lines, end]), text)


def main():
    arguments = [Path(argument) for argument in sys.argv[1:]]
    run_file = arguments[0] if arguments else ROOT / "target" / "end_to_end.json"
    criterion = arguments[1] if len(arguments) > 1 else ROOT / "target" / "criterion"
    if arguments and not run_file.exists():
        sys.exit(f"there is no {run_file}")
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    collect(figures, run_file, criterion)
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
    draw(figures)
    text = DOCUMENT.read_text()
    for one in TABLES:
        text = fill(text, one.__name__, one(figures))
    DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
