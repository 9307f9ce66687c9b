"""Commands on weights files: ``python -m latent_widgets inspect SOURCE`` and ``... convert SOURCE TARGET``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from latent_widgets.core.paths import to_write
from latent_widgets.core.steps import Step
from latent_widgets.generators.checkpoints.links import shown
from latent_widgets.generators.checkpoints.reading import convert, find_network, hash_file
from latent_widgets.generators.checkpoints.sources import locate


def inspect(path: Path, name: str) -> None:
    """Print what a file holds; of its tensors only names and shapes are read."""
    found, size = find_network(path)
    print(f"{name}: {size / 1e6:.1f} MB, sha256 {hash_file(path)}")
    print(f"written by    {found.family}")
    print(f"read as       {found.architecture}")
    for name in ("resolution", "z_dim", "w_dim", "c_dim", "architecture", "mapping_layers"):
        if name in found.config:
            print(f"{name:<13} {found.config[name]}")
    print(f"numbers       {found.numel:,} in {len(found.parts)} tensors")
    if found.class_name:
        print(f"class         {found.class_name}")
    if found.source_sha256:
        print(f"source sha256 {found.source_sha256}")
    for note in found.notes:
        print(f"  {note}")


def _progress(step: Step) -> None:
    if sys.stderr.isatty():
        end = "\n" if step.index == step.total else ""
        print(f"\r{step.index} of {step.total} tensors", end=end, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Those of the command line by default.

    Returns:
        0, or 1 if the file was refused.
    """
    parser = argparse.ArgumentParser(prog="python -m latent_widgets", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("inspect", help="say what a checkpoint holds, without executing anything in it")
    change = commands.add_parser("convert", help="write the generator of a checkpoint as safetensors")
    for command in (show, change):
        command.add_argument("source", help="a path, a link, hf:owner/name or pip:package")
        command.add_argument("--sha256", help="the hash that the file must have")
        command.add_argument("--filename", help="which file of a repository")
    change.add_argument("target", help="its name ends in .safetensors")
    change.add_argument("--half", action="store_true", help="round to float16, for half the size")
    given = parser.parse_args(arguments)
    try:
        if given.command == "convert":
            to_write(given.target, "target", (".safetensors",))  # before a download that it is to hold
        path = locate(given.source, given.filename, given.sha256)
        if given.command == "inspect":
            inspect(path, shown(given.source))
        else:
            found = convert(path, given.target, given.half, _progress)
            print(f"{given.target}: {found.architecture}, {found.numel:,} numbers, from {found.family}")
    except (ValueError, OSError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
