"""Collects the results of a finished graph, and renders the page of results.

python -m examples.paper.report collect OUT SCALE=cpu -o docs/results/chain-cpu.json
python -m examples.paper.report render docs/results -o docs/results.md
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import orjson

from examples.paper.report.collect import collect
from examples.paper.report.costs import HERE
from examples.paper.report.page import INDEX, OUTCOMES, render
from examples.paper.report.read import outcomes


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.paper.report", description=__doc__.splitlines()[0]
    )
    commands = parser.add_subparsers(required=True)
    collecting = commands.add_parser(
        "collect",
        help="all seeds of a graph in one small file, and each problem's outcomes beside",
    )
    collecting.add_argument("out", type=Path, help="the graph's OUT")
    collecting.add_argument("settings", nargs="*", help="what it was made with: SCALE=cpu ...")
    collecting.add_argument(
        "--checkout",
        type=Path,
        default=HERE,
        metavar="DIR",
        help="what made it; this one by default",
    )
    collecting.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    collecting.set_defaults(run=_collect)
    rendering = commands.add_parser("render", help="the pages and their plots from such files")
    rendering.add_argument("folder", type=Path, help="collected files, and fragments/")
    rendering.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the first page"
    )
    rendering.add_argument("--no-plots", action="store_true", help="leave the plots as they are")
    rendering.set_defaults(run=_render)
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except ValueError as error:
        parser.error(str(error))


def _collect(arguments: argparse.Namespace) -> None:
    found = collect(arguments.out, arguments.settings, arguments.checkout.resolve())
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(to_json(found), "utf-8")
    # without a time, so that the same outcomes make the same bytes
    with gzip.GzipFile(arguments.output.with_suffix(OUTCOMES), "wb", mtime=0) as file:
        file.writelines(orjson.dumps(row) + b"\n" for row in outcomes(arguments.out))


def _render(arguments: argparse.Namespace) -> None:
    if not arguments.no_plots:
        from examples.paper.report.plots import draw

        draw(arguments.folder)
    for name, text in render(arguments.folder).items():
        path = arguments.output if name == INDEX else arguments.folder / f"{name}.md"
        path.write_text(text, "utf-8")


def to_json(data: object, depth: int = 3) -> str:
    """JSON with a line for each of the members `depth` levels down: it can be read and compared."""
    return _nested(data, depth, "") + "\n"


def _nested(data: object, depth: int, indent: str) -> str:
    if depth and isinstance(data, dict | list) and data:
        inner = indent + " "
        if isinstance(data, dict):
            members = [f"{json.dumps(k)}: {_nested(v, depth - 1, inner)}" for k, v in data.items()]
        else:
            members = [_nested(value, depth - 1, inner) for value in data]
        opened, closed = "{}" if isinstance(data, dict) else "[]"
        return f"{opened}\n{inner}" + f",\n{inner}".join(members) + f"\n{indent}{closed}"
    return json.dumps(data, ensure_ascii=False)


if __name__ == "__main__":
    main()
