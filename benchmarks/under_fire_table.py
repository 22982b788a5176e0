"""The table: what is promised, what was measured, at which size, and what was not.

The journal stays on the machine it was written on, and hardly any machine has everything (a real
ArduCopter, Chromium, a night to spare). So the page itself is read before it is written anew: of a
suite that the journal knows no whole run of, the rows stay as they stand, with the size, the
processor, the date and the commit they were measured with. A row whose promise or bound was
changed since is not taken over.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from benchmarks.under_fire_promises import FAILED, Promise, Promises
from benchmarks.under_fire_running import WHOLE, Run

HEAD = """# Under fire

What agri promises, and what came out when it was tried: at random, over bad links, with programs
killed, files spoilt and people in a hurry. `make nightly` runs all of it and writes this page;
`python benchmarks/under_fire.py --quick` has a look in half an hour. The promises, their
bounds and where those come from stand in `benchmarks/under_fire.toml`.

"""


COLUMNS = ("suite", "command", "size", "ended", "tests", "took", "of processor",
           "load before, after", "begun (UTC)", "commit")  # fmt: skip
FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One promise with what was measured."""

    promise: Promise
    measured: str
    state: str
    """``met``, ``NOT MET`` or ``not measured``."""
    size: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page that was written before tells."""

    rows: Mapping[tuple[str, str, str], tuple[str, str, str]] = field(default_factory=dict)
    """Measured, size and state, by area, promise and bound."""
    ran: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The row of each suite that came to its end, by its name."""


NO_PAGE = Page()


def read_page(text: str) -> Page:
    """Return what stands in the tables of a page; nothing of a page of another form."""
    area = ""
    found: dict[tuple[str, str, str], tuple[str, str, str]] = {}
    ran: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        cells = tuple(cell.strip() for cell in line[1:-1].split(" | "))
        if line.startswith("## "):
            area = line[3:]
        elif len(cells) == 6:
            says, bound, measured, size, state, _ = cells
            found[area, says, bound] = (measured, size, state)
        elif len(cells) == len(COLUMNS) and cells[COLUMNS.index("ended")] == WHOLE:
            ran[cells[0]] = cells
    return Page(rows=found, ran=ran)


def chosen(runs: Sequence[Run]) -> dict[str, Run]:
    """Return the run of each suite that counts.

    The largest that came to its end, the newest among equals; but a later one in which a test
    failed goes first, and one that never came to its end counts only where there is no other.
    """
    best: dict[str, Run] = {}
    for run in runs:
        old = best.get(run.suite)
        whole = run.ended == WHOLE
        if (
            old is None
            or run.failed
            or (whole and (old.ended != WHOLE or old.failed or run.share >= old.share))
            or (not whole and old.ended != WHOLE)
        ):
            best[run.suite] = run
    return best


def judged(promise: Promise, run: Run | None) -> Row:
    """Hold a promise against the run of its suite."""
    if not promise.suite:
        return Row(promise=promise, measured=promise.why, state="not measured")
    if run is None:
        return Row(promise=promise, measured="its suite was not run", state="not measured")
    wanted = re.compile(promise.tests)
    tests = {name: how for name, how in run.tests.items() if wanted.search(name)}
    ran = [name for name, how in tests.items() if how != "skipped"]
    failed = [name for name in ran if tests[name] == "failed"]
    if promise.figure == FAILED:
        values = [float(len(failed))] if ran else []
    else:
        values = [value for test, name, value in run.figures
                  if name == promise.figure and (not test or test in tests)]  # fmt: skip
    tried = sum(value for _, name, value in run.figures if name in promise.of.split())
    size = f"n = {tried:,.0f}" if promise.of and tried else ""
    if not values:
        none = "skipped here" if tests else "there was no time for a figure"
        why = run.ended if run.ended != WHOLE else none
        return Row(promise=promise, measured=why, state="not measured")
    measured = told(promise, values, ran, failed)
    if failed or not promise.holds(values):
        state = "NOT MET"
    elif run.ended == WHOLE:
        state = "met"
    else:
        state, measured = "not measured", f"{run.ended}; so far {measured}"
    return Row(promise=promise, measured=measured, state=state, size=size)


def told(promise: Promise, values: list[float], ran: list[str], failed: list[str]) -> str:
    """Return what was measured, in words."""
    of_tests = f"{len(failed)} of {len(ran)} tests failed"
    if promise.figure == FAILED:
        return of_tests
    low, high = min(values), max(values)
    unit = f" {promise.unit}" if promise.unit else ""
    if promise.at_least is not None and promise.at_most is not None and low != high:
        figure = f"{number(low)} to {number(high)}{unit}"
    else:
        figure = number(low if promise.at_least is not None else high) + unit
    return f"{figure}; {of_tests}" if failed else figure


def number(value: float) -> str:
    """Return a number as people write it.

    Examples
    --------
    >>> number(20611.4), number(0.1234), number(3.0)
    ('20,611', '0.123', '3')
    """
    return f"{value:,.0f}" if abs(value) >= 1000.0 else f"{value:.3g}"


def rows(promises: Promises, runs: Sequence[Run], page: Page = NO_PAGE) -> list[Row]:
    """Return one row for each promise, in their order."""
    best = chosen(runs)
    found = []
    for promise in promises.promises:
        run = best.get(promise.suite)
        row = judged(promise, run)
        size = ", ".join(filter(None, [row.size, share_of(run), crowded(run, promise)]))
        row = replace(row, size=size if row.state != "not measured" else "")
        before = page.rows.get((promise.area, promise.says, promise.target))
        if before and _stays(promise.suite, best, page):
            measured, size, state = before
            row = Row(promise=promise, measured=measured, size=size, state=state)
        found.append(row)
    return found


def _stays(suite: str, best: Mapping[str, Run], page: Page) -> bool:
    """Whether the page knows a whole run of a suite and the journal none."""
    return suite in page.ran and (suite not in best or best[suite].ended != WHOLE)


def counts(promises: Promises, runs: Sequence[Run], page: Page = NO_PAGE) -> tuple[int, int, int]:
    """Return how many are met, not met, not measured."""
    states = [row.state for row in rows(promises, runs, page)]
    return states.count("met"), states.count("NOT MET"), states.count("not measured")


def table_of(promises: Promises, runs: Sequence[Run], page: Page = NO_PAGE) -> str:
    """Return the page; of suites that have no whole run here, what it told `page` before."""
    met, not_met, unknown = counts(promises, runs, page)
    ran = _ran(promises, chosen(runs), page)
    sizes = [one[COLUMNS.index("size")] for one in ran if one[COLUMNS.index("ended")] == WHOLE]
    full = sizes.count(FULL)
    lines = [f"**{met} met, {not_met} not met, {unknown} not measured.**"]
    lines.append(
        f"{full} suites at their full size, {len(sizes) - full} at a reduced one (the size "
        f"stands beside the figure and in the second table). {os.cpu_count()} cores, "
        f"{platform.system()}, Python {platform.python_version()}."
    )
    area = ""
    for row in rows(promises, runs, page):
        if row.promise.area != area:
            area = row.promise.area
            lines += ["", f"## {area}", "", "| promise | bound | measured | size | | bound after |",
                      "|---|---|---|---|---|---|"]  # fmt: skip
        lines.append(
            f"| {row.promise.says} | {_bound(row.promise)} | {row.measured} | {row.size} | "
            f"{row.state} | {row.promise.source} |"
        )
    lines += ["", "## What was run", "", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join(cells)} |" for cells in ran]
    return HEAD + "\n".join(lines) + "\n"


def _bound(promise: Promise) -> str:
    return promise.target if promise.suite else ""


def _ran(promises: Promises, best: Mapping[str, Run], page: Page) -> list[tuple[str, ...]]:
    """Return the rows of the second table."""
    return [
        page.ran[suite.name] if _stays(suite.name, best, page) else _run_row(best[suite.name])
        for suite in promises.suites
        if suite.name in best or suite.name in page.ran
    ]


def share_of(run: Run | None) -> str:
    """Return at which size a suite was run."""
    return "" if run is None else FULL if run.share == 1.0 else f"{100.0 * run.share:g} %"


def crowded(run: Run | None, promise: Promise) -> str:
    """Return the machine's load where a figure of time was taken with more to do than cores."""
    busy = run is not None and max(run.load) > (os.cpu_count() or 1)
    return f"load {max(run.load):g}" if run and busy and promise.unit in ("s", "ms") else ""


def _run_row(run: Run) -> tuple[str, ...]:
    ends = [*run.tests.values()]
    tests = f"{ends.count('passed')} passed, {len(run.failed)} failed" if ends else ""
    skipped = f", {ends.count('skipped')} skipped" if "skipped" in ends else ""
    return (
        run.suite, f"`{run.command}`", share_of(run), run.ended, f"{tests}{skipped}",
        f"{run.wall_s:.0f} s", f"{run.cpu_s:.0f} s", f"{run.load[0]:g}, {run.load[1]:g}",
        run.began_utc[:16].replace("T", " "), run.commit,
    )  # fmt: skip
