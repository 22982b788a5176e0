"""The terminal door: ``agri …``.

`main` is the only way in, and nothing leaves it but an exit code: every error becomes one sentence
in the user's language. Heavy imports live inside the commands, so that ``agri --help`` is there at
once. Option and help texts are written as dictionary keys; `agri.cli.speech` puts the sentences in
when the language is known.

Exit codes: 0 done, 1 refused or found wrong, 2 asked for something that cannot be used, 70 a fault
of agri's own (the details go to a file), 130 stopped by the user.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from agri.cli.speech import chosen_language, language, split_language
from agri.words import LANGUAGES

EXIT_REFUSED, EXIT_USAGE, EXIT_FAULT, EXIT_STOPPED = 1, 2, 70, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after ``agri``; by default the process's own.

    Returns
    -------
    int
        The exit code, 0 when all went well.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    token = language.set(chosen_language(given, os.environ))
    asked, words = split_language(given)
    try:
        if asked not in ("", *LANGUAGES):
            from agri.cli.show import complain

            complain("cli.bad_language", value=asked)
            return EXIT_USAGE
        return _run(words)
    except KeyboardInterrupt:
        from agri.cli.show import complain

        complain("cli.stopped")
        return EXIT_STOPPED
    except Exception as fault:
        from agri.cli.show import complain_of_fault

        complain_of_fault(fault)
        return EXIT_FAULT
    finally:
        language.reset(token)


def _run(words: list[str]) -> int:
    import typer
    from typer.exceptions import TyperException

    from agri.cli.commands import command_tree, name_panels
    from agri.cli.show import complain, complain_of, complain_of_usage
    from agri.errors import AgriError, BadInput, NotFound

    words = words or ["--help"]
    if "--help" in words or words[-1] in (
        "farm",
        "fields",
        "plan",
        "papers",
        "flight",
        "link",
        "photos",
        "key",
        "sitl",
        "records",
        "add",
    ):
        name_panels()
    try:
        result = command_tree(words).main(args=words, prog_name="agri",
                                          standalone_mode=False)  # fmt: skip
    except TyperException as wrong:
        complain_of_usage(wrong)
        return EXIT_USAGE
    except AgriError as error:
        complain_of(error)
        return EXIT_USAGE if isinstance(error, BadInput | NotFound) else EXIT_REFUSED
    except typer.Abort:
        complain("cli.stopped")
        return EXIT_STOPPED
    return result if isinstance(result, int) else 0
