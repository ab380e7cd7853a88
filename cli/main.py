"""The `manyends` command: its parts, their arguments, and how they end."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from manyends import __version__
from manyends.protocol.errors import ProtocolError
from manyends.protocol.io.folder import ConfigError

from .places import default_folder

Run = Callable[[argparse.Namespace], int]

FAILED, WRONG_USE = 1, 2
"""Exit codes: what was asked did not work, or it can't be asked so."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        run: Run = arguments.run
        code = run(arguments)
        sys.stdout.flush()
        return code
    except ConfigError as error:
        print(f"manyends: {error}", file=sys.stderr)
        return WRONG_USE
    except ProtocolError as error:
        print(f"manyends: {error.reason} ({error.code})", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # Nobody reads on, so what Python would still write at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manyends",
        description="One brain, many ends: an assistant on your household's own machines.",
        epilog="Start with: manyends up",
    )
    parser.add_argument("--version", action="version", version=f"manyends {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_up(commands)
    _add_nodes(commands)
    _add_talk(commands)
    _add_looks(commands)
    _add_models(commands)
    _add_eval(commands)
    return parser


Commands = argparse._SubParsersAction  # the type has no public name


def _command(
    commands: "Commands[argparse.ArgumentParser]", name: str, text: str, example: str, run: Run
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=text,
        description=text[:1].upper() + text[1:] + ".",
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def _household(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--household",
        type=Path,
        default=default_folder(),
        metavar="FOLDER",
        help="where the household's state lies (default: %(default)s)",
    )


def _on(parser: argparse.ArgumentParser, default: str) -> None:
    _household(parser)
    parser.add_argument(
        "--on", default=default, metavar="NODE", help="by which node (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_up(commands: "Commands[argparse.ArgumentParser]") -> None:
    def run(arguments: argparse.Namespace) -> int:
        from .up import up

        return up(
            arguments.household, arguments.model, arguments.fresh, arguments.port, arguments.json
        )

    parser = _command(
        commands,
        "up",
        "start a household on this machine, and talk to it",
        '  manyends up\n  echo "watch> turn on the kitchen light" | manyends up',
        run,
    )
    _household(parser)
    parser.add_argument("--fresh", action="store_true", help="forget everything and begin anew")
    parser.add_argument(
        "--model", default=None, help="the brain's language model, or none (default: if it is here)"
    )
    parser.add_argument(
        "--port", type=int, default=7700, help="the brain's port, the home's is the next one"
    )
    parser.add_argument("--json", action="store_true", help="print each answer as a JSON line")


def _add_nodes(commands: "Commands[argparse.ArgumentParser]") -> None:
    def run(arguments: argparse.Namespace) -> int:
        from .serve import serve

        return serve(arguments.part, arguments.state)

    for part, text in (
        ("brain", "run the brain"),
        ("end", "run an end: a hub, laptop, phone or wearable"),
        ("home", "run the virtual home"),
    ):
        parser = _command(commands, part, text, f"  manyends {part} --state FOLDER", run)
        parser.add_argument(
            "--state", type=Path, required=True, metavar="FOLDER", help="the node's state folder"
        )
        parser.set_defaults(part=part)


def _add_talk(commands: "Commands[argparse.ArgumentParser]") -> None:
    from . import client

    parser = _command(
        commands,
        "ask",
        "say something to an end, and print what it answers",
        '  manyends ask --on watch "turn on the kitchen light"',
        client.ask,
    )
    parser.add_argument("text", nargs="+", help="what to say")
    parser.add_argument("--as", dest="claim", metavar="PERSON", help="who is speaking")
    _on(parser, "laptop")
    parser = _command(
        commands,
        "call",
        "run an action directly",
        '  manyends call light.turn_on target="kitchen light"\n'
        "  manyends call notes.add text=bread --target laptop --on watch",
        client.call,
    )
    parser.add_argument("action", help="its name, for example notes.add")
    parser.add_argument("args", nargs="*", metavar="NAME=VALUE", help="its arguments")
    parser.add_argument("--target", metavar="NODE", help="the device that must run it")
    _on(parser, "laptop")
    parser = _command(
        commands,
        "tasks",
        "list tasks, or answer for one",
        "  manyends tasks\n  manyends tasks approve --on laptop\n  manyends tasks cancel TASK",
        client.tasks,
    )
    parser.add_argument(
        "verb",
        nargs="?",
        default="list",
        choices=("list", "cancel", "approve", "deny", "done", "undone"),
        help="done, undone: what became of a task in doubt",
    )
    parser.add_argument("task", nargs="?", help="the task's id (default: the latest)")
    _on(parser, "laptop")


def _add_looks(commands: "Commands[argparse.ArgumentParser]") -> None:
    from . import client

    parser = _command(
        commands, "ends", "list the household's devices", "  manyends ends --json", client.ends
    )
    _on(parser, "brain")
    parser = _command(
        commands,
        "why",
        "say why the last thing was done",
        "  manyends why --on watch",
        client.why,
    )
    parser.add_argument("turn", nargs="?", help="the turn's id (default: the last)")
    _on(parser, "brain")
    parser = _command(
        commands,
        "audit",
        "check or show the record of all that was done",
        "  manyends audit verify",
        client.audit,
    )
    parser.add_argument("verb", choices=("verify", "show"))
    parser.add_argument("--limit", type=int, default=50, help="how many entries to show")
    _on(parser, "brain")

    def doctor(arguments: argparse.Namespace) -> int:
        from .doctor import doctor

        return doctor(arguments.household, arguments.json)

    parser = _command(
        commands, "doctor", "find what is wrong, and say what to do", "  manyends doctor", doctor
    )
    _household(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_models(commands: "Commands[argparse.ArgumentParser]") -> None:
    from . import client

    parser = _command(
        commands,
        "models",
        "list the language models, or fetch one",
        "  manyends models\n  manyends models fetch smollm2-135m",
        client.models,
    )
    parser.add_argument("verb", nargs="?", default="list", choices=("list", "fetch"))
    parser.add_argument("name", nargs="?", help="which one (default: the embedded one)")
    _household(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_eval(commands: "Commands[argparse.ArgumentParser]") -> None:
    from . import evaluate

    parser = commands.add_parser("eval", help="measure how good it is")
    kinds = parser.add_subparsers(required=True, metavar="KIND")
    scenarios = _command(
        kinds,
        "scenarios",
        "play whole-system scenarios against real processes",
        "  manyends eval scenarios tests/scenarios --json",
        evaluate.scenarios,
    )
    scenarios.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    scenarios.add_argument("--json", action="store_true", help="print JSON")
    reflex = _command(
        kinds,
        "reflex",
        "measure the reflex on sentences, beside plain hassil",
        "  manyends eval reflex FOLDER",
        evaluate.reflex,
    )
    reflex.add_argument("folder", type=Path, metavar="FOLDER")
    reflex.add_argument("--json", action="store_true", help="print JSON")


if __name__ == "__main__":
    sys.exit(main())
