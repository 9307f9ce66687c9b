"""Train a GLO model on a folder of pictures from the command line, resumable."""

from __future__ import annotations

from pathlib import Path

from tqdm.auto import tqdm

from latent_widgets.core.paths import make_folder
from latent_widgets.core.steps import Step
from latent_widgets.inversion.glo import fit_glo

__all__ = ["train"]


def train(pictures: Path, folder: Path, steps: int, resolution: int, z_dim: int, seed: int) -> Path:
    """Train, or go on training, until ``steps`` steps were made in all.

    Args:
        pictures: A folder of pictures.
        folder: Where the checkpoint and the model go.
        steps: How many steps in all.
        resolution: Side of the pictures.
        z_dim: Length of a code.
        seed: Of the run.

    Returns:
        The file of the model, for :meth:`latent_widgets.GLO.load`.
    """
    folder = make_folder(folder)
    with tqdm(total=steps, unit="step", mininterval=5) as bar:

        def show(step: Step) -> None:
            bar.update(step.index - bar.n)
            bar.set_postfix(loss=f"{step.value.loss:.3f}", refresh=False)

        found = fit_glo(
            pictures,
            z_dim,
            steps,
            resolution=resolution,
            checkpoint=folder / "checkpoint.pt",
            name=pictures.name,
            seed=seed,
            on_step=show,
        )
    return found.save(folder / "glo.safetensors")
