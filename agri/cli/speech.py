"""Which language the terminal speaks, and how the commands' help comes to speak it.

``--lang`` wins, then AGRI_LANG, then the system's LC_ALL, LC_MESSAGES and LANG; where none of them
says English, agri speaks Vietnamese.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from agri.words import LANGUAGES, Language, dictionary, say

VARIABLES = ("AGRI_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
"""Environment variables that tell a language, the strongest first."""

language: ContextVar[Language] = ContextVar("language", default="vi")


def chosen_language(arguments: Sequence[str], environment: Mapping[str, str]) -> Language:
    """Return the language asked for by the arguments, or else by the environment.

    Parameters
    ----------
    arguments : sequence of str
        Words after ``agri``.
    environment : mapping of str to str
        Environment variables.

    Examples
    --------
    >>> chosen_language(["--lang", "en", "demo"], {}), chosen_language(["demo"], {})
    ('en', 'vi')
    >>> chosen_language([], {"LANG": "en_GB.UTF-8"}), chosen_language([], {"LANG": "C"})
    ('en', 'vi')
    """
    asked = split_language(arguments)[0]
    told_first = asked if asked in LANGUAGES else ""
    settings = [told_first, *(environment.get(name, "") for name in VARIABLES)]
    told = next((s for s in settings if s and s.split(".")[0] not in ("C", "POSIX")), "vi")
    return "en" if told.lower().startswith("en") else "vi"


def split_language(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return the value of ``--lang``, "" without one, and the other words.

    Examples
    --------
    >>> split_language(["check", "--lang", "en", "plan"])
    ('en', ['check', 'plan'])
    """
    asked, others = "", []
    words = iter(arguments)
    for word in words:
        if word.startswith("--lang="):
            asked = word.removeprefix("--lang=")
        elif word == "--lang":
            asked = next(words, "?")
        else:
            others.append(word)
    return asked, others


def translate(command: Any) -> None:
    """Put the current language's sentences in place of the keys in a tree of commands."""
    spoken = language.get()
    for holder in (command, *command.params):
        key = getattr(holder, "help", None)
        if key and key in dictionary("en"):
            holder.help = say(key, spoken)
    _translate_usage(command, spoken)
    for child in getattr(command, "commands", {}).values():
        translate(child)


def _translate_usage(command: Any, spoken: Language) -> None:
    """Let a command's usage line and its own help option speak `spoken`."""
    help_option, usage = command.get_help_option, command.get_usage

    def translated_option(context: Any) -> Any:
        option = help_option(context)
        if option is not None:
            option.help = say("cli.help.help", spoken)
        return option

    def translated_usage(context: Any) -> str:
        text: str = usage(context)
        for english, key in (
            ("Usage:", "cli.usage"),
            ("[OPTIONS]", "cli.usage_options"),
            ("COMMAND [ARGS]...", "cli.usage_command"),
        ):
            text = text.replace(english, say(key, spoken))
        return text

    command.get_help_option = translated_option
    command.get_usage = translated_usage
