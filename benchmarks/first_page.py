"""How soon the first page of the app can be used on a slow phone, and what it weighs.

    python benchmarks/first_page.py [--slower 4] [--times 5]

Headless Chromium at a phone's size, its processor slowed down, opens the farm's first page with its
map, nothing kept from before. The page can be used when its map says that it is ready. Beside it,
as the baseline, the same page without slowing.

JSON on standard output: seconds until it can be used (median and most), kB that came over the wire
with map library, style and scripts, and addresses asked for elsewhere. Asked for: 2 s at a quarter
of the speed, 150 kB, none elsewhere.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agri.people import Role
from tests.web_browser import browser_page, running
from tests.web_farm import SECRET, Served, small_farm


def opened(address: str, *, slower: float, times: int) -> dict[str, Any]:
    """Return how long the first page took, each time with an empty cache."""
    taken_s, bytes_in = [], 0
    with browser_page(address) as page:
        page.goto("/sign-in")
        page.fill("[name=name]", f"Người {Role.OWNER.value}")
        page.fill("[name=password]", SECRET)
        page.click("main button")
        page.wait_for_selector("#map[data-ready=yes]")
        chrome = page.context.new_cdp_session(page)
        chrome.send("Network.enable")
        chrome.send("Network.setCacheDisabled", {"cacheDisabled": True})
        chrome.send("Network.setBypassServiceWorker", {"bypass": True})  # it keeps what came before
        chrome.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        came: list[float] = []
        chrome.on("Network.loadingFinished", lambda one: came.append(one["encodedDataLength"]))
        for _ in range(times):
            came.clear()
            began_s = time.perf_counter()
            page.goto("/", wait_until="commit")
            page.wait_for_selector("#map[data-ready=yes]")
            taken_s.append(time.perf_counter() - began_s)
            page.wait_for_load_state("networkidle")
            bytes_in = int(sum(came))
        elsewhere = list(page.wrong)
    return {"usable_s": round(statistics.median(taken_s), 3), "most_s": round(max(taken_s), 3),
            "kb": round(bytes_in / 1000, 1), "wrong": elsewhere}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slower", type=float, default=4.0)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, small_farm(Path(folder) / "farm") as farm:
        Served(farm).signed_in(Role.OWNER)
        with running(farm) as address:
            plain = opened(address, slower=1.0, times=given.times)
            slow = opened(address, slower=given.slower, times=given.times)
    ratio = round(slow["usable_s"] / plain["usable_s"], 2)
    print(json.dumps({"slower": given.slower, "plain": plain, "slow": slow, "ratio": ratio}))


if __name__ == "__main__":
    main()
