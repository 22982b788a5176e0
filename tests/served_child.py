"""A program of its own that serves farms as ``agri serve`` does, for tests of sudden death.

``python -m tests.served_child`` loads once, then forks a server for each line ``FOLDER PORT`` it
reads, tells its number and, when it is gone, that it is.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path

from agri.web.app import make_app
from agri.workspace import Workspace
from tests.farm_child import tell
from tests.web_farm import CHEAP, KEY

HOSTS = frozenset({"127.0.0.1"})


def serve(folder: Path, port: int) -> None:
    """Serve a farm until killed."""
    uvicorn = importlib.import_module("uvicorn")
    with Workspace.open(folder) as farm:
        app = make_app(farm, hosts=HOSTS, setup_key=KEY, passwords=CHEAP)
        uvicorn.run(app, port=port, log_level="error", lifespan="off", ws="none")


def nursery() -> None:
    """Start a server for each line read; tell its number and its end."""
    importlib.import_module("uvicorn")
    for line in sys.stdin:
        folder, _, port = line.strip().rpartition(" ")
        child = os.fork()
        if child == 0:
            try:
                serve(Path(folder), int(port))
            except BaseException:
                traceback.print_exc()
            os._exit(1)
        tell("born", child)
        os.waitpid(child, 0)
        tell("gone", child)


if __name__ == "__main__":
    nursery()
