"""Medians, spread and ratios; a table for people and JSON for programs (docs/benchmarks.md)."""

import json
import statistics


def summary(samples):
    """Median, extremes and count of a list of samples; the samples themselves go with it."""
    if not samples:
        return None
    return {
        "median": statistics.median(samples),
        "least": min(samples),
        "most": max(samples),
        "count": len(samples),
        "samples": samples,
    }


def shown(figure, digits=3):
    """1.23 (1.20-1.31, n=5) from a summary."""
    if figure is None:
        return "-"
    median, least, most = (number(figure[key], digits) for key in ("median", "least", "most"))
    return f"{median} ({least}-{most}, n={figure['count']})"


def number(value, digits=3):
    """A figure to so many significant digits, with k and M for thousands and millions."""
    if value is None:
        return "-"
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.{digits}g}{unit}"
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e" in text and abs(value) >= 1 else text


def megabytes(value):
    return "-" if value is None else f"{value / 1e6:.1f} MB"


def ratio(ours, theirs):
    """How many times `theirs` `ours` is, by the medians."""
    if not ours or not theirs or not theirs["median"]:
        return None
    return ours["median"] / theirs["median"]


class Table:
    def __init__(self, title, columns):
        self.title = title
        self.columns = columns
        self.rows = []
        self.notes = []

    def row(self, *cells):
        self.rows.append([str(cell) for cell in cells])

    def note(self, text):
        self.notes.append(text)

    def show(self):
        widths = [max(len(row[index]) for row in [self.columns] + self.rows) for index in range(len(self.columns))]
        print(f"\n{self.title}")
        for row in [self.columns, ["-" * width for width in widths]] + self.rows:
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        for note in self.notes:
            print(f"  {note}")


def write(path, report):
    with open(path, "w") as file:
        json.dump(report, file, indent=1)
        file.write("\n")
