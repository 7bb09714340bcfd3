"""Help and mistakes of the command line, in the language of the terminal.

What a command and its parameters are for stands in local/texts/help.toml.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import typer
from typer._click.exceptions import (
    BadOptionUsage,
    BadParameter,
    MissingParameter,
    NoArgsIsHelpError,
    NoSuchOption,
    UsageError,
)
from typer.core import TyperCommand, TyperGroup

from roadbike.kit.pure.texts import UnusableText, line
from roadbike.local.errors import CommandError, did_you_mean
from roadbike.local.texts import has, say

USAGE_EXIT_CODE: Final = 2  # as other programs report a wrong use
INDENTED: Final = 2  # columns of a legend


class Command(TyperCommand):
    """A command whose help comes from the catalogue, under its name behind the prefix."""

    prefix: ClassVar[str] = ""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        _write_usage(self, ctx, formatter)

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 Typer's interface
        _write_paragraphs(formatter, _help_of(self))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_parameters(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 Typer's interface
        if has(slug := f"help-{name_of(self)}-legend"):
            formatter.write("\n")
            for line in say(slug).strip().splitlines():
                formatter.write(f"{' ' * INDENTED}{line}\n")

    def get_short_help_str(self, limit: int = 0) -> str:  # noqa: ARG002 it is one sentence
        return _short_help_of(self)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.allow_extra_args = True
        super().parse_args(ctx, args)
        if ctx.args:
            words = " ".join(ctx.args)
            raise _see_help(CommandError("usage-too-many", words=words), ctx)
        for parameter in self.params:
            name = str(parameter.name)
            try:
                ctx.params[name] = _line(ctx.params.get(name))
            except UnusableText:
                reason = say("usage-not-a-line")
                wrong = CommandError("usage-wrong-value", name=_name(parameter), reason=reason)
                raise _see_help(wrong, ctx) from None
        return []


class AccountCommand(Command):
    """A command of `roadbike account`, some of which have the names of other ones."""

    prefix = "account-"


class Group(TyperGroup):
    """The program itself with all its commands, or a group of them."""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        _write_usage(self, ctx, formatter)

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 Typer's interface
        _write_paragraphs(formatter, _help_of(self))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_parameters(self, ctx, formatter)
        with formatter.section(say("help-commands")):
            commands = self.commands.values()
            formatter.write_dl([(each.name, each.get_short_help_str()) for each in commands])

    def get_short_help_str(self, limit: int = 0) -> str:  # noqa: ARG002 it is one sentence
        return _short_help_of(self)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        if args[0] not in self.commands and not args[0].startswith("-"):
            hint = did_you_mean(args[0], self.commands)
            raise _see_help(CommandError("usage-no-such-command", name=args[0], hint=hint), ctx)
        return super().resolve_command(ctx, args)


def run(app: typer.Typer) -> int:
    """Run the command that was typed, and return its exit code.

    Raises CommandError when the command fails or was typed wrongly.
    """
    try:
        code = app(prog_name=None, standalone_mode=False)
    except NoArgsIsHelpError as help_:
        typer.echo(help_.format_message(), err=True)
        return USAGE_EXIT_CODE
    except UsageError as error:
        raise _see_help(_mistake(error), error.ctx) from None
    return code if isinstance(code, int) else 0


def name_of(command: Any) -> str:
    """Return the name under which the catalogue has the help of a command or group."""
    return f"{getattr(command, 'prefix', '')}{command.name}"


def _mistake(error: UsageError) -> CommandError:
    match error:
        case NoSuchOption():
            hint = did_you_mean(error.option_name, error.possibilities or ())
            return CommandError("usage-no-such-option", option=error.option_name, hint=hint)
        case BadOptionUsage():
            return CommandError("usage-needs-value", option=error.option_name)
        case MissingParameter():
            return CommandError("usage-missing", name=_name(error.param))
        case BadParameter():
            is_number = "integer" in error.message
            reason = say("usage-whole-number") if is_number else error.message
            return CommandError("usage-wrong-value", name=_name(error.param), reason=reason)
        case _:
            return CommandError("usage-other", reason=error.format_message())


def _name(parameter: Any) -> str:
    option = next((name for name in parameter.opts if name.startswith("--")), None)
    return option or str(parameter.name).upper()


def _line(value: Any) -> Any:
    """Return texts as lines: composed and trimmed. Paths and other values stay as they are.

    Raises UnusableText.
    """
    if isinstance(value, str):
        return line(value)
    return [_line(each) for each in value] if isinstance(value, list | tuple) else value


def _see_help(mistake: CommandError, ctx: Any) -> CommandError:
    command = f"{ctx.command_path if ctx else 'roadbike'} --help"
    sentence = str(mistake)
    return CommandError(
        "usage-see-help", sentence=sentence, help_command=command, code=USAGE_EXIT_CODE
    )


def _help_of(command: Any) -> str:
    slug = f"help-{name_of(command)}"
    return say(slug) if has(slug) else command.help or ""


def _short_help_of(command: Any) -> str:
    return _help_of(command).strip().splitlines()[0].split(". ")[0].removesuffix(".") + "."


def _write_usage(command: Any, ctx: Any, formatter: Any) -> None:
    words: Mapping[str, str] = {
        "[OPTIONS]": say("help-some-options"),
        "COMMAND [ARGS]...": say("help-some-command"),
    }
    pieces = [words.get(piece, piece.upper()) for piece in command.collect_usage_pieces(ctx)]
    prefix = f"{say('help-usage')}: "
    formatter.write_usage(ctx.command_path, " ".join(pieces), prefix=prefix)


def _write_paragraphs(formatter: Any, text: str) -> None:
    with formatter.indentation():
        for paragraph in text.strip().split("\n\n"):
            formatter.write_paragraph()
            formatter.write_text(paragraph)


def _write_parameters(command: Any, ctx: Any, formatter: Any) -> None:
    for kind in ("argument", "option"):
        rows = [
            _row(command, parameter, ctx)
            for parameter in command.get_params(ctx)
            if parameter.param_type_name == kind
        ]
        if rows:
            with formatter.section(say(f"help-{kind}s")):
                formatter.write_dl(rows)


def _row(command: Any, parameter: Any, ctx: Any) -> tuple[str, str]:
    names, _ = parameter.get_help_record(ctx)
    more = []
    if parameter.envvar:
        more.append(say("help-env", name=parameter.envvar))
    if parameter.default is not None and parameter.default is not False:
        more.append(say("help-default", value=parameter.default))
    if parameter.required:
        more.append(say("help-required"))
    extra = f"  [{'; '.join(more)}]" if more else ""
    return names, f"{_help_of_parameter(command, parameter)}{extra}"


def _help_of_parameter(command: Any, parameter: Any) -> str:
    for slug in (f"help-{name_of(command)}-{parameter.name}", f"help--{parameter.name}"):
        if has(slug):
            return say(slug)
    return parameter.help or ""
