"""Command line of the training scripts: ``python -m latent_widgets.training gan --folder runs/faces64``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from latent_widgets.core.paths import as_path

RUNS = {
    "gan": ("faces64", 500_000, "faces64: a StyleGAN2 on rendered faces (hours)"),
    "digits": ("digits32", 160_000, "digits32: a WGAN-GP on handwritten digits (under an hour)"),
    "faces": ("faces128", 1_200_000, "faces128: a StyleGAN2 of 128 px on rendered faces (a day, on one core)"),
    "judge": ("faces-judge", 160_000, "the network that measures faces and that no training uses (minutes)"),
    "regressor": ("faces-regressor", 400_000, "faces-regressor: reads the factors of faces (under an hour)"),
    "fashion": ("fashion32", 180_000, "fashion32: a StyleGAN2 with classes, on Fashion-MNIST (an hour)"),
    "classifier": ("fashion-classifier", 300_000, "fashion-classifier: tells the articles apart (minutes)"),
    "segmenter": ("faces-segmenter", 200_000, "faces-segmenter: labels the parts of faces (half an hour)"),
}


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and run one script."""
    parser = argparse.ArgumentParser(
        prog="python -m latent_widgets.training", description="Make the shipped weights again. Every training resumes."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for command, (name, images, about) in RUNS.items():
        run = commands.add_parser(command, help=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        where = Path("runs") / name
        run.add_argument("--folder", type=as_path, default=where, help="data, checkpoint, log and samples")
        run.add_argument("--images", type=int, default=images, help="total of pictures over all sittings")
        run.add_argument("--minutes", type=float, default=None, help="stop after this time; none: at the total")
        run.add_argument("--seed", type=int, default=77 if command == "judge" else 0)
        if command in {"fashion", "faces"}:
            run.add_argument("--device", default="cpu", help="where it is trained, such as cuda")
        if command == "faces":
            run.add_argument("--start", default=None, help="shipped weights to begin from, such as faces64")
            run.add_argument(
                "--copy", action="store_true", help="without a critic: by what the start should have drawn"
            )
        if command in {"fashion", "classifier"}:
            run.add_argument("--data", type=as_path, default=None, help="the folder of Fashion-MNIST; none: Debian's")
        if command == "regressor":
            run.add_argument("--faces", type=as_path, default=None, help="faces.pt of a 'gan' run; none: render them")
    about = "GLO on a folder of your own pictures"
    glo = commands.add_parser("glo", help=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    glo.add_argument("pictures", type=as_path, help="a folder of pictures; their middle squares are taken")
    glo.add_argument("--folder", type=as_path, default=Path("runs/glo"), help="checkpoint and model")
    glo.add_argument("--steps", type=int, default=5000, help="how many in all, over all sittings")
    glo.add_argument("--resolution", type=int, default=64, help="side of the pictures, a power of two")
    glo.add_argument("--z-dim", type=int, default=64, help="length of a code")
    glo.add_argument("--seed", type=int, default=0)
    about = "how near a run of faces comes to the renderer, written into its folder"
    measure = commands.add_parser("measure", help=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    measure.add_argument("--folder", type=as_path, default=Path("runs/faces64"), help="the folder of the run")
    measure.add_argument("--pictures", type=int, default=5000, help="how many samples, and as many renders")
    what = "what the run makes; of fashion32, the shipped weights are measured with the shipped classifier"
    measure.add_argument("--name", choices=["faces64", "faces128", "fashion32"], default="faces64", help=what)
    measure.add_argument("--judge", type=as_path, default=None, help="the folder of a 'judge' run; none: without one")
    measure.add_argument("--shipped", action="store_true", help="measure the shipped weights instead of the run's")
    what = "side at which the faces are rendered; none: that of the generator"
    measure.add_argument("--renders", type=int, choices=[64, 128], default=None, help=what)
    measure.add_argument("--early", default="ema-40000.pt", help="the snapshot to compare with")
    about = "how far walks from the shipped generators stay among their own pictures, kept with the package (minutes)"
    reach = commands.add_parser("reach", help=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    reach.add_argument("names", nargs="*", help="which are measured; none: all of them")
    reach.add_argument("--data", type=as_path, default=None, help="where the figures go; none: the package's data")
    reach.add_argument("--seed", type=int, default=0, help="of directions and latents")
    about = "samples and renders mixed in one sheet, its key, and how often a network tells them apart"
    blind = commands.add_parser("blind", help=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    blind.add_argument("name", choices=["faces64", "faces128"])
    blind.add_argument("--folder", type=as_path, default=None, help="of a run; none: the shipped weights")
    blind.add_argument("--docs", type=as_path, default=Path("docs/images"), help="where the sheets go")
    about = "make a run's result the one that the package ships"
    export = commands.add_parser("export", help=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    export.add_argument("name", choices=[name for name, _, _ in RUNS.values() if name != "faces-judge"])
    export.add_argument("--folder", type=as_path, default=None, help="the folder of the run; none: runs/NAME")
    export.add_argument("--data", type=as_path, default=None, help="where the file goes; none: the package's data")
    what = "where the summary of the run goes"
    export.add_argument("--notes", type=as_path, default=Path("docs/training"), help=what)
    export.add_argument("--seed", type=int, default=0, help="the run's seed")
    about = "a contact sheet of a shipped generator, for the docs"
    sheet = commands.add_parser("sheet", help=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    sheet.add_argument(
        "name", choices=["faces64", "faces128", "fashion32", "digits32", "faces-exact", "faces-segmenter"]
    )
    sheet.add_argument("--path", type=as_path, default=None, help="where it goes; none: docs/images/NAME.png")
    sheet.add_argument("--seeds", type=int, default=48, help="the first so many seeds, none left out")
    sheet.add_argument("--truncation", type=float, default=1.0)
    _run(parser.parse_args(arguments))


def _run(options: argparse.Namespace) -> None:
    if options.command == "measure" and options.name == "fashion32":
        from latent_widgets.training import articles

        print(articles.measure(pictures=options.pictures).table())
    elif options.command == "measure":
        from latent_widgets.training.judge import load_judge
        from latent_widgets.training.measure import measure, table

        o = options
        eyes = None if o.judge is None else load_judge(o.judge)
        result = measure(o.folder, o.pictures, o.early, name=o.name, judge=eyes, shipped=o.shipped, size=o.renders)
        print(table(result))
    elif options.command == "reach":
        from latent_widgets.training.reaches import keep, measure_all, reach_table

        found = list(measure_all(options.names, seed=options.seed))
        print(reach_table(found))
        print(keep(found, options.data))
    elif options.command == "blind":
        from latent_widgets.training.blind import blind_look

        print(f"told apart: {100 * blind_look(options.name, options.docs, options.folder):.1f} % of held-out pictures")
    elif options.command == "glo":
        from latent_widgets.training.glo import train

        o = options
        print(train(o.pictures, o.folder, o.steps, o.resolution, o.z_dim, o.seed))
    elif options.command == "export":
        from latent_widgets.training.export import export

        folder = options.folder or Path("runs") / options.name
        path = export(options.name, folder, options.data, options.notes, options.seed)
        print(f"{path}: {path.stat().st_size} bytes")
    elif options.command == "sheet":
        from latent_widgets.training.export import contact_sheet
        from latent_widgets.training.segmenter import part_sheet

        path = options.path or Path("docs/images") / f"{options.name}.png"
        if options.name == "faces-segmenter":
            part_sheet(path, options.seeds, options.truncation)
        else:
            contact_sheet(options.name, path, options.seeds, options.truncation)
        print(path)
    else:
        from latent_widgets.training import classifier, digits, faces128, fashion, gan, judge, regressor, segmenter

        common: dict[str, Any] = {"images": options.images, "minutes": options.minutes, "seed": options.seed}
        trains = {"gan": gan, "digits": digits, "faces": faces128, "judge": judge, "segmenter": segmenter}
        if options.command in {"fashion", "faces"}:
            common["device"] = options.device
        if options.command == "faces":
            common |= {"start": options.start, "recipe": faces128.COPYING if options.copy else None}
        if options.command in {"fashion", "classifier"}:
            train_on = fashion.train if options.command == "fashion" else classifier.train
            train_on(options.folder, data=options.data or fashion.FOLDER, **common)
        elif options.command == "regressor":
            regressor.train(options.folder, faces=options.faces, **common)
        else:
            trains[options.command].train(options.folder, **common)


if __name__ == "__main__":
    main()
