"""Every command of the terminal as a page, read off typer's own tree, in either language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agri.cli.commands import command_tree
from agri.cli.speech import language
from agri.words import Language

WORDS = {
    "en": {
        "title": "Every command",
        "lead": "Read off the program when this page was built; `agri COMMAND --help` says the "
        "same. `--lang vi` or `--lang en` before or after a command chooses the language.",
        "option": "option",
        "told": "what it is",
        "default": "without it",
        "must": "must be given",
    },
    "vi": {
        "title": "Tất cả các lệnh",
        "lead": "Lấy thẳng từ chương trình; `agri LỆNH --help` cũng nói như vậy. "
        "Thêm `--lang vi` hoặc `--lang en` để chọn tiếng.",
        "option": "lựa chọn",
        "told": "là gì",
        "default": "không ghi thì",
        "must": "bắt buộc",
    },
}


def page(spoken: Language) -> str:
    """Return the page of all commands."""
    token = language.set(spoken)
    try:
        words = WORDS[spoken]
        parts = [f"# {words['title']}", words["lead"]]
        parts += [_section(name, one, words) for name, one in each_command(command_tree())]
        return "\n\n".join(parts) + "\n"
    finally:
        language.reset(token)


def each_command(tree: Any, above: str = "agri") -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with its whole name, by the alphabet."""
    for name, one in sorted(tree.commands.items()):
        if getattr(one, "commands", None):
            yield from each_command(one, f"{above} {name}")
        else:
            yield f"{above} {name}", one


def _section(name: str, command: Any, words: dict[str, str]) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    lines = [f"## {name}", "", _cell(command.help), "", "```text", _usage(name, arguments), "```"]
    rows = [*arguments, *options]
    if rows:
        lines += [
            "",
            f"| {words['option']} | {words['told']} | {words['default']} |",
            "|---|---|---|",
        ]
        lines += [f"| {_names(one)} | {_cell(one.help)} | {_default(one, words)} |" for one in rows]
    return "\n".join(lines)


def _usage(name: str, arguments: list[Any]) -> str:
    shown = [one.name.upper() if one.required else f"[{one.name.upper()}]" for one in arguments]
    return " ".join([name, *shown, "…"])


def _names(one: Any) -> str:
    if one.param_type_name == "argument":
        return f"`{one.name.upper()}`"
    return " ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))


def _default(one: Any, words: dict[str, str]) -> str:
    if one.required:
        return words["must"]
    shown = one.show_default and one.default not in (None, "", False, (), [])
    return f"`{one.default}`" if shown else ""


def _cell(text: str | None) -> str:
    return (
        " ".join((text or "").split()).replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")
    )
