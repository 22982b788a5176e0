"""What became of which change, and where it is judged: what a run that was stopped goes on from."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.mutants import Mutant
from benchmarks.mutation_rates import Fate
from benchmarks.mutation_warm import room_file

Table = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where changes are judged and by which tests.

    Parameters
    ----------
    root : Path
        The project.
    table : mapping
        Room: its files of tests.
    slack_s : float
        What a change may take longer than the tests unchanged, beside its multiple.
    end_s : float
        When to stop, by the clock that only goes forward.
    """

    root: Path
    table: Table
    slack_s: float
    end_s: float

    def files(self, room: str) -> list[str]:
        """The files that answer for a room, its own doctests among them."""
        return [*self.table[room], room_file(room)]

    def source(self, room: str) -> str:
        """What is written in a room."""
        return (self.root / room_file(room)).read_text(encoding="utf-8")

    def stamp(self, files: Iterable[str]) -> str:
        """A digest of files: what was found with them holds as long as it is the same."""
        digest = hashlib.sha256()
        for file in sorted(files):
            digest.update((self.root / file).read_bytes())
        return digest.hexdigest()[:16]

    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.end_s


class Journal:
    """What became of which change, kept line by line so that a stopped run goes on.

    An entry holds as long as the room and the tests it rests on are unchanged: of a kill the file
    that killed, of a survivor all of the room's.
    """

    def __init__(self, path: Path, bench: Bench) -> None:
        self._path, self._bench = path, bench
        self._stamps: dict[tuple[str, ...], str] = {}
        self._fates: dict[tuple[str, int], Fate] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
            fate = json.loads(line)
            self._fates[fate["room"], fate["number"]] = fate

    def find(self, room: str, mutant: Mutant) -> Fate | None:
        """What is known of a change and still holds."""
        fate = self._fates.get((room, mutant.number))
        if fate is None or fate["stamp"] != self._stamp(fate["rests_on"]):
            return None
        return fate

    def write(
        self, room: str, mutant: Mutant, *, by: str, run_by: int, begin: float, settled: bool
    ) -> None:
        """Keep what became of a change; `by` is empty for a survivor."""
        killer = by.partition("::")[0]
        files = self._bench.files(room)
        rests_on = sorted({room_file(room), *([killer] if killer in files else files)})
        line = self._bench.source(room).splitlines()[mutant.line - 1].strip()
        fate: Fate = {
            "room": room,
            "file": room_file(room),
            **asdict(mutant),
            "source": line,
            "fate": "killed" if by else "survived",
            "killed_by": by,
            "run_by": run_by,
            "seconds": round(time.monotonic() - begin, 1),
            "rests_on": rests_on,
            "stamp": self._stamp(rests_on),
            "settled": settled,
        }
        self._fates[room, mutant.number] = fate
        with self._path.open("a", encoding="utf-8") as kept:
            kept.write(json.dumps(fate, ensure_ascii=False) + "\n")
        print(json.dumps(fate, ensure_ascii=False), file=sys.stderr, flush=True)

    def _stamp(self, files: Sequence[str]) -> str:
        key = tuple(files)
        if key not in self._stamps:
            try:
                self._stamps[key] = self._bench.stamp(key)
            except FileNotFoundError:
                self._stamps[key] = "gone"
        return self._stamps[key]
