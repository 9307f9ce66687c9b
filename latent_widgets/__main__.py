"""Commands: ``python -m latent_widgets doctor [SOURCE]``, ``... inspect SOURCE`` and ``... convert SOURCE TARGET``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from latent_widgets.core.paths import to_write
from latent_widgets.core.steps import Step
from latent_widgets.doctor import examine
from latent_widgets.doctor.device import DEVICES
from latent_widgets.generators.checkpoints._found import planned
from latent_widgets.generators.checkpoints._options import Asked
from latent_widgets.generators.checkpoints._variant import variant
from latent_widgets.generators.checkpoints.links import shown
from latent_widgets.generators.checkpoints.reading import convert, hash_file, open_file
from latent_widgets.generators.checkpoints.sources import locate


def inspect(path: Path, shown_as: str, **options: Any) -> None:
    """Print what a file holds, also where it cannot be loaded; of most of its tensors only names and shapes are read.

    Args:
        path: The file.
        shown_as: What it is called.
        **options: What is known of it: ``prefix``, ``mapping_lr`` and ``final_tanh``.

    Raises:
        ValueError: If no generator can be read from it; what there is has been printed.
    """
    asked, content = Asked(**options), open_file(path)
    print(f"{shown_as}: {content.size / 1e6:.1f} MB, sha256 {hash_file(path)}")
    try:
        found = content.find(asked)
    except ValueError:
        tensors = content.tensors()
        print(f"read as       nothing; it holds {len(tensors)} tensors")
        for why in content.complaints:
            print(f"  {why}")
        _list(tensors.items())
        raise
    print(f"written by    {found.family}")
    print(f"read as       {found.architecture}")
    for name, said in variant(found):
        print(f"{name:<13} {said}")
    if found.class_name:
        print(f"class         {found.class_name}")
    if found.source_sha256:
        print(f"source sha256 {found.source_sha256}")
    for note in found.notes:
        print(f"  {note}")
    _list((part.name or name, part.source.shape) for name, part in found.parts.items())
    planned(found)  # whether it can be loaded
    print(f"numbers       {found.numel:,} in {len(found.parts)} tensors")


def _list(tensors: Iterable[tuple[str, Sequence[int]]]) -> None:
    for name, shape in tensors:
        print(f"    {ascii(name)[1:-1]} {tuple(shape)}")


def _progress(step: Step) -> None:
    if sys.stderr.isatty():
        end = "\n" if step.index == step.total else ""
        print(f"\r{step.index} of {step.total} tensors", end=end, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Those of the command line by default.

    Returns:
        0, or 1 if the file was refused or the doctor found something wrong.
    """
    parser = argparse.ArgumentParser(prog="python -m latent_widgets", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("inspect", help="say what a checkpoint holds, without executing anything in it")
    change = commands.add_parser("convert", help="write the generator of a checkpoint as safetensors")
    look = commands.add_parser("doctor", help="examine the package on this machine: one block to paste into an issue")
    for command in (show, change):
        command.add_argument("source", help="a path, a link, hf:owner/name or pip:package")
    look.add_argument("source", nargs="?", help="the same, or the name of a built-in generator; faces64 if not given")
    look.add_argument("--device", help=f"{', '.join(DEVICES)}; the CPU if not given")
    change.add_argument("target", help="its name ends in .safetensors")
    change.add_argument("--half", action="store_true", help="round to float16, for half the size")
    for command in (show, change, look):
        command.add_argument("--sha256", help="the hash that the file must have")
        command.add_argument("--filename", help="which file of a repository")
        command.add_argument("--prefix", help="what the names of the generator's tensors begin with")
        command.add_argument("--mapping-lr", type=float, help="learning-rate multiplier of the mapping")
        command.add_argument("--final-tanh", action="store_true", default=None, help="pictures end in a tanh")
    given = parser.parse_args(arguments)
    options = {"prefix": given.prefix, "mapping_lr": given.mapping_lr, "final_tanh": given.final_tanh}
    try:
        if given.command == "doctor":
            report = examine(given.source, given.device, sha256=given.sha256, filename=given.filename, **options)
            print(f"```text\n{report}\n```")
            return 0 if report.well else 1
        if given.command == "convert":
            to_write(given.target, "target", (".safetensors",))  # before a download that it is to hold
        path = locate(given.source, given.filename, given.sha256)
        if given.command == "inspect":
            inspect(path, shown(given.source), **options)
        else:
            found = convert(path, given.target, given.half, _progress, **options)
            print(f"{given.target}: {found.architecture}, {found.numel:,} numbers, from {found.family}")
    except (ValueError, OSError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
