"""The table: what is promised, what was measured, at which size, and what was not."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One promise with what was measured."""

    promise: Promise
    measured: str
    state: str
    """``met``, ``NOT MET`` or ``not measured``."""
    size: str = ""


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


def rows(promises: Promises, runs: Sequence[Run]) -> list[Row]:
    """Return one row for each promise, in their order."""
    best = chosen(runs)
    return [judged(promise, best.get(promise.suite)) for promise in promises.promises]


def counts(promises: Promises, runs: Sequence[Run]) -> tuple[int, int, int]:
    """Return how many are met, not met, not measured."""
    states = [row.state for row in rows(promises, runs)]
    return states.count("met"), states.count("NOT MET"), states.count("not measured")


def table_of(promises: Promises, runs: Sequence[Run]) -> str:
    """Return the page."""
    best = chosen(runs)
    met, not_met, unknown = counts(promises, runs)
    lines = [f"**{met} met, {not_met} not met, {unknown} not measured.**"]
    ran = [run for run in best.values() if run.ended == WHOLE]
    reduced = sum(run.share < 1.0 for run in ran)
    lines.append(
        f"{len(ran) - reduced} suites at their full size, {reduced} at a reduced one (the size "
        f"stands beside the figure and in the second table). {os.cpu_count()} cores, "
        f"{platform.system()}, Python {platform.python_version()}."
    )
    area = ""
    for row in rows(promises, runs):
        if row.promise.area != area:
            area = row.promise.area
            lines += ["", f"## {area}", "", "| promise | bound | measured | size | | bound after |",
                      "|---|---|---|---|---|---|"]  # fmt: skip
        run = best.get(row.promise.suite)
        size = ", ".join(filter(None, [row.size, share_of(run), crowded(run, row.promise)]))
        lines.append(
            f"| {row.promise.says} | {row.promise.target if row.promise.suite else ''} | "
            f"{row.measured} | {size if row.state != 'not measured' else ''} | {row.state} | "
            f"{row.promise.source} |"
        )
    lines += ["", "## What was run", "", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [_run_row(best[suite.name]) for suite in promises.suites if suite.name in best]
    return HEAD + "\n".join(lines) + "\n"


def share_of(run: Run | None) -> str:
    """Return at which size a suite was run."""
    return "" if run is None else "full" if run.share == 1.0 else f"{100.0 * run.share:g} %"


def crowded(run: Run | None, promise: Promise) -> str:
    """Return the machine's load where a figure of time was taken with more to do than cores."""
    busy = run is not None and max(run.load) > (os.cpu_count() or 1)
    return f"load {max(run.load):g}" if run and busy and promise.unit in ("s", "ms") else ""


def _run_row(run: Run) -> str:
    ends = [*run.tests.values()]
    tests = f"{ends.count('passed')} passed, {len(run.failed)} failed" if ends else ""
    skipped = f", {ends.count('skipped')} skipped" if "skipped" in ends else ""
    return (
        f"| {run.suite} | `{run.command}` | {share_of(run)} | {run.ended} | {tests}{skipped} | "
        f"{run.wall_s:.0f} s | {run.cpu_s:.0f} s | {run.load[0]:g}, {run.load[1]:g} | "
        f"{run.began_utc[:16].replace('T', ' ')} | {run.commit} |"
    )
