"""`manyends eval`: runs the evaluations and prints what they found."""

import argparse
import asyncio
import sys

from manyends.protocol.io.folder import ConfigError


def scenarios(arguments: argparse.Namespace) -> int:
    """Play scenarios; lines of progress go to standard error."""
    from manyends.evals.scenarios.runner import run

    report = asyncio.run(
        run(arguments.paths, lambda line: print(line, file=sys.stderr, flush=True))
    )
    if arguments.json:
        print(report.json())
    else:
        print(f"{report.passed} passed, {report.failed} failed")
    return report.exit_code


def reflex(arguments: argparse.Namespace) -> int:
    """Measure the reflex; `ConfigError` if what it is compared with is not installed."""
    try:
        from manyends.evals.reflex import run
    except ImportError as error:
        raise ConfigError(f'{error.name} is not here: pip install "manyends[eval]"') from None
    return run(arguments.folder, arguments.json)
