"""All slow suites, one after the other, and one table of what they found against what is promised.

``python benchmarks/under_fire.py [--quick] [--only NAME …] [--again] [--out docs/under_fire.md]``,
or ``make nightly``. What is promised, to which figure and after whom, and which suite measures it,
stands in `under_fire.toml`.

Each suite runs in a process of its own with a limit of time; one that fails, hangs or is killed
takes nobody with it. What it found is a line in a journal before the next begins, so a night that
was broken off goes on where it stopped, as long as the program is the same commit; the table is
written anew after every suite. ``--quick`` runs each at the share that its row names, for a look
of half an hour; the table says at which size every figure was measured.

Of a suite the table takes the largest run in the journal, the newest among equals; but a later run
of any size in which something failed goes first. Suites that this journal has no whole run of keep
the rows they have on the page, so a machine that has what another lacked adds its own. Exit code 1
when a promise was measured and not met, 0 otherwise: what was not measured is told in the table,
with the reason.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.under_fire_promises import Suite, read_promises  # noqa: E402
from benchmarks.under_fire_running import Journal, commit_of, run_suite  # noqa: E402
from benchmarks.under_fire_table import NO_PAGE, counts, read_page, table_of  # noqa: E402


def wanted(suites: tuple[Suite, ...], names: list[str]) -> list[Suite]:
    """Return the suites that were named, or all of them.

    Raises
    ------
    SystemExit
        When a name is none of theirs.
    """
    known = {suite.name for suite in suites}
    for name in names:
        if name not in known:
            raise SystemExit(f"There is no suite “{name}”; there are: {', '.join(sorted(known))}.")
    return [suite for suite in suites if not names or suite.name in names]


def main(arguments: list[str] | None = None) -> int:
    """Run what is not in the journal yet and write the table."""
    parser = argparse.ArgumentParser(description="Run all slow suites and write one table.")
    parser.add_argument("--quick", action="store_true", help="each suite at its reduced size")
    parser.add_argument("--only", action="append", default=[], help="this suite alone; repeatable")
    parser.add_argument("--again", action="store_true", help="also what the journal has already")
    parser.add_argument("--table", action="store_true", help="run nothing, write the table")
    parser.add_argument("--promises", type=Path, default=ROOT / "benchmarks" / "under_fire.toml")
    parser.add_argument("--journal", type=Path, default=ROOT / ".under_fire.jsonl")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "under_fire.md")
    asked = parser.parse_args(arguments)
    promises = read_promises(asked.promises)
    journal, commit = Journal(asked.journal), commit_of(ROOT)
    page = read_page(asked.out.read_text("utf-8")) if asked.out.exists() else NO_PAGE
    suites = [] if asked.table else wanted(promises.suites, asked.only)
    for number, suite in enumerate(suites, start=1):
        share = suite.quick if asked.quick else 1.0
        if not asked.again and journal.has(suite.name, share, commit):
            continue
        print(f"{number} of {len(suites)}: {suite.name} …", end=" ", flush=True)
        run = run_suite(ROOT, suite, share, commit)
        journal.add(run)
        print(f"{run.ended}, {run.wall_s:.0f} s", flush=True)
        asked.out.write_text(table_of(promises, journal.runs(), page), "utf-8")
    asked.out.write_text(table_of(promises, journal.runs(), page), "utf-8")
    met, not_met, unknown = counts(promises, journal.runs(), page)
    print(f"{met} met, {not_met} not met, {unknown} not measured: {asked.out}")
    return 1 if not_met else 0


if __name__ == "__main__":
    sys.exit(main())
