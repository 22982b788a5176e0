"""Whether a vulnerability is known in the pinned packages: ``make audit``.

pip-audit is asked about every line of `constraints.txt`, first with the package index's own data,
then with OSV. pip-audit counts a package that the service does not know as skipped and still says
“no known vulnerabilities”: an index without such data makes everything look clean. So what counts
here is how many packages were answered for.

Exit codes: 0 nothing known of any package, 1 something is known, 3 it could not be asked.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {"pypi": "the package index's JSON API", "osv": "OSV"}
KNOWN, NOT_ASKED = 1, 3
LIMIT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one service said: how many packages it answered for, and what it knows of them."""

    answered: int
    skipped: int
    known: tuple[str, ...]
    """One line for each vulnerability."""
    failed: str = ""
    """Why there was no answer at all."""

    @property
    def whole(self) -> bool:
        """Whether it answered for every package."""
        return not self.failed and self.answered > 0 and not self.skipped


def read_answer(document: str, errors: str) -> Answer:
    """Return what pip-audit's JSON tells, or its last error without addresses.

    Examples
    --------
    >>> read_answer('{"dependencies": [{"name": "a", "skip_reason": "not found"}]}', "").skipped
    1
    >>> read_answer("", "x.ConnectionError: (host='h', port=443): no [Errno -2] name").failed
    'ConnectionError'
    """
    try:
        parts: list[dict[str, Any]] = json.loads(document)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        kinds = re.findall(r"\b(\w*(?:Error|Timeout|Exception))\b", errors)
        failed = kinds[-1] if kinds else "no answer"
        return Answer(answered=0, skipped=0, known=(), failed=failed)
    known = tuple(
        f"{part['name']} {part['version']}: {found['id']}, mended in {found['fix_versions'] or '?'}"
        for part in parts
        for found in part.get("vulns", ())
    )
    skipped = sum("skip_reason" in part for part in parts)
    return Answer(answered=len(parts) - skipped, skipped=skipped, known=known)


def ask(service: str, pins: Path) -> Answer:
    """Let pip-audit ask one service about the pinned packages."""
    words = ["-r", str(pins), "--no-deps", "--disable-pip", "--progress-spinner", "off",
             "--format", "json", "--vulnerability-service", service]  # fmt: skip
    try:
        asked = subprocess.run([sys.executable, "-m", "pip_audit", *words], text=True, check=False,
                               capture_output=True, timeout=LIMIT_S)  # fmt: skip
    except subprocess.TimeoutExpired:
        return Answer(answered=0, skipped=0, known=(), failed="Timeout")
    return read_answer(asked.stdout, asked.stderr)


def told(service: str, answer: Answer) -> str:
    """Return one sentence on what a service said."""
    name = SERVICES[service]
    if answer.failed:
        return f"{name} could not be reached ({answer.failed}): nothing was learned from it."
    if not answer.answered:
        return (f"{name} has no data on any of the {answer.skipped} packages, which is no proof "
                "that they are sound.")  # fmt: skip
    rest = f"; {answer.skipped} it does not know" if answer.skipped else ""
    return (
        f"{name} answered for {answer.answered} packages{rest}: {len(answer.known)} known faults."
    )


def main() -> int:
    """Ask one service after the other until one answers for every package."""
    pins = ROOT / "constraints.txt"
    for service in SERVICES:
        answer = ask(service, pins)
        print(told(service, answer))
        for line in answer.known:
            print(f"  {line}")
        if answer.known:
            return KNOWN
        if answer.whole:
            return 0
    print("The packages are NOT audited: run `make audit` again where a service can be reached.")
    return NOT_ASKED


if __name__ == "__main__":
    sys.exit(main())
