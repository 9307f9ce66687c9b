"""GLO: a generator and the codes of its training pictures, learned together (Bojanowski et al., ICML 2018)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.fields import COUNT, DICT, NUMBER, TEXT, check_fields, list_of
from latent_widgets.core.forward import load_rules
from latent_widgets.core.paths import as_path, drafted, to_write
from latent_widgets.core.pictures import BROUGHT, check_pictures
from latent_widgets.core.steps import OnStep, Plan
from latent_widgets.core.work import TRAINED, Work, affordable, check_budget, timed
from latent_widgets.generators.glo import GLOGenerator, GLONetwork, read_glo, write_glo
from latent_widgets.geometry.effects.pyramid import lap1_norm
from latent_widgets.inversion._glo_checkpoint import read_checkpoint, restore
from latent_widgets.inversion.photos import load_photo

__all__ = ["GLO", "GLOStep", "fit_glo"]

NETWORK_RATE, CODE_RATE = 2e-3, 1e-2  # of Adam: our choice; the paper's plain gradient descent needs far more steps
SAVE_EVERY = 200  # steps between two checkpoints
_FIELDS = {
    "name": TEXT, "losses": list_of(NUMBER), "steps": COUNT, "stopped": TEXT, "architecture": TEXT, "config": DICT,
}  # fmt: skip
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


@dataclass(frozen=True, eq=False)
class GLOStep:
    """What a training has to show while it runs.

    Attributes:
        loss: Of the last batch.
        image: ``(1, 3, H, W)``: the first picture of the batch, as the network draws it.
        target: The same picture as it is.
    """

    loss: float
    image: Tensor
    target: Tensor


@dataclass(frozen=True, eq=False)
class GLO:
    """A generator, with the code of each picture that it was trained on.

    Attributes:
        generator: The generator; its ``w`` are the codes.
        codes: ``(n, z_dim)``, in the unit ball: the picture ``i`` is ``generator.synthesize(codes[i])``.
        losses: At most a hundred means of the loss, each over an equal stretch of the training.
        steps: How many steps were made in all.
        stopped: ``"finished"`` or ``"cancelled"``.
        pictures: How many pictures were asked for, or what the seconds came to; None where steps were given, and after
            loading.
    """

    generator: GLOGenerator
    codes: Tensor = field(repr=False)
    losses: tuple[float, ...] = field(repr=False)
    steps: int
    stopped: str
    pictures: int | None = None

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write generator and codes to a safetensors file."""
        about = {"name": self.generator.name, "steps": self.steps, "stopped": self.stopped, "losses": list(self.losses)}
        return write_glo(path, self.generator.module, {"codes": self.codes}, about)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> GLO:
        """Read what :meth:`save` wrote.

        Args:
            path: The file.

        Returns:
            The generator and the codes.

        Raises:
            FileNotFoundError: If the file is missing.
            ValueError: If it is no such file.
        """
        module, rest, about = read_glo(path)
        wrong = f"path must be a whole file that GLO.save wrote, got {str(path)!r}: "
        try:
            check_fields(about, _FIELDS, frozenset(_FIELDS) - {"name", "losses", "steps", "stopped"})
        except ValueError as error:
            raise ValueError(f"{wrong}{error}.") from None
        codes = rest.get("codes")
        if codes is None or codes.ndim != 2 or codes.shape[1] != len(module.mean) or not codes.is_floating_point():
            found = "none" if codes is None else f"shape {tuple(codes.shape)}"
            raise ValueError(f"{wrong}codes must have shape (n, {len(module.mean)}), got {found}.")
        losses = tuple(map(float, about["losses"]))
        return cls(GLOGenerator(module, about["name"]), codes, losses, about["steps"], about["stopped"])


def fit_glo(
    images: Any,
    z_dim: int = 64,
    steps: int = 2000,
    *,
    resolution: int = 32,
    channels: Mapping[int, int] | None = None,
    batch: int = 64,
    lap: float = 1.0,
    l2: float = 1.0,
    checkpoint: str | os.PathLike[str] | None = None,
    name: str = "glo",
    seed: int = 0,
    pictures: int | None = None,
    seconds: float | None = None,
    on_step: OnStep | None = None,
) -> GLO:
    r"""Train a generator and the codes of its pictures.

    Minimises, over the network and one code :math:`z_i` a picture in the unit ball, the mean of
    :math:`\mathrm{lap}\,\mathrm{Lap1} + \mathrm{l2}\,|g(z_i) - x_i|^2 / n` (Bojanowski et al. 2018, equation 2; their
    Laplacian-pyramid loss). The codes start as principal components of the pictures, scaled into the ball; after each
    step they are projected on it.

    Args:
        images: ``(n, 3, H, W)`` or ``(n, 1, H, W)`` in [-1, 1] with ``H = W = resolution``; or a folder of pictures, of
            which the middle squares are taken.
        z_dim: Length of a code.
        steps: How many steps in all, those of a checkpoint included.
        resolution: Side of the pictures, a power of two.
        channels: Of the network at each resolution from 4; halving from 128 if not given.
        batch: Pictures a step.
        lap: Weight of the Laplacian-pyramid distance; the paper names no weights, ours are 1 and 1.
        l2: Weight of the mean squared difference.
        checkpoint: A file that is written from time to time; where it exists, the training goes on from it.
        name: What to call the generator.
        seed: Of weights and batches.
        pictures: How many pictures to draw in all, instead of ``steps``: a batch of them in each.
        seconds: How long it may take, about: turned into pictures by the first batches that are drawn. With a
            checkpoint as if there were none.
        on_step: Called after each step with a :class:`GLOStep`, and as step 0 before the first; ``False`` ends the
            training.

    Returns:
        The generator and the codes.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If there are fewer than two pictures, they have another size, are not finite or plainly not in
            [-1, 1], a checkpoint belongs to other pictures or another network, or pictures or seconds are too few or
            both given.

    Example:
        >>> pictures = torch.rand(6, 3, 8, 8) * 2 - 1
        >>> M = fit_glo(pictures, z_dim=4, steps=20, resolution=8, channels={4: 8, 8: 8})
        >>> M.codes.shape, M.generator.synthesize(M.codes[2]).shape
        (torch.Size([6, 4]), torch.Size([1, 3, 8, 8]))
    """
    file = None if checkpoint is None else to_write(checkpoint, "checkpoint")
    data = _pictures(images, checks.integer("resolution", resolution, low=8))
    z_dim = checks.integer("z_dim", z_dim, low=1)
    steps, batch = checks.integer("steps", steps, low=1), checks.integer("batch", batch, low=1)
    lap, l2 = checks.number("lap", lap, low=0), checks.number("l2", l2, low=0)
    if not (lap or l2):
        raise ValueError("lap or l2 must be above 0, got neither. Without a loss there is nothing to learn.")
    channels = channels or {2**i: max(16, 128 // 2 ** max(0, i - 3)) for i in range(2, resolution.bit_length())}
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
        torch.default_generator.manual_seed(checks.integer("seed", seed, low=0))  # of the CPU alone
        module = GLONetwork(z_dim=z_dim, resolution=resolution, channels=dict(channels), colours=data.shape[1])
        first = _principal(data.cpu(), z_dim).to(data.device)  # from a random sketch, the same on every device
        training = _Training(module.to(data), data, first, seed)
        batch = min(batch, len(data))
        pictures = check_budget(pictures, seconds, batch, "one step")
        work = Work(on_step, steps if pictures is None and seconds is None else None, begins=True)
        work.value = training.look(min(batch, len(data)), lap, l2)
        each = _pace(module, first[:batch], work)
        if seconds is not None:
            pictures = batch * affordable(lambda n: n * each * (1 + TRAINED), float(seconds), "seconds", "one step")
        steps = steps if pictures is None else pictures // batch
        training.resume(file)
        left = max(steps - training.done, 0)
        work.expect(Plan(left * batch, each * (1 + TRAINED) / batch), left * batch, steps)
        stopped = "finished"
        while training.done < steps:
            shown = training.step(batch, steps, lap, l2)
            work.draw(batch)
            if file and (training.done % SAVE_EVERY == 0 or training.done == steps):
                training.save(file)
            if not work.tell(training.done, shown):
                stopped = "cancelled"
                break
        if file and stopped == "cancelled":
            training.save(file)
    codes = training.codes.weight.detach().clone()
    module.fit(codes)
    return GLO(GLOGenerator(module, name), codes, _thinned(training.losses), training.done, stopped, pictures)


def _pace(module: GLONetwork, codes: Tensor, work: Work) -> float:
    """How many seconds a batch takes to be drawn."""
    network = module.network.eval()  # so that nothing is learned of it
    with torch.no_grad():
        network(codes)
        seconds = timed(lambda: network(codes), work.inside)
    network.train()
    return seconds


def _pictures(images: Any, side: int) -> Tensor:
    if isinstance(images, str | os.PathLike):
        folder = as_path(images, "images")
        paths = sorted(p for p in folder.glob("*") if p.suffix.lower() in PICTURES) if folder.is_dir() else []
        if len(paths) < 2:
            raise ValueError(f"images must be a folder with at least two pictures, got {str(images)!r}.")
        images = torch.cat([load_photo(path, side) for path in paths])
    if not isinstance(images, Tensor):
        raise TypeError(f"images must be a tensor or a folder, got {type(images).__name__}.")
    checks.shape("images", images, ("n", 3, side, side), ("n", 1, side, side))
    if len(images) < 2:
        raise ValueError(f"images must be at least two pictures, got {len(images)}.")
    data = check_pictures("images", images.detach(), BROUGHT).float()
    grey = data.shape[1] == 3 and bool((data == data[:, :1]).all())
    return data[:, :1] if grey else data


def _principal(data: Tensor, z_dim: int) -> Tensor:
    """Principal components of the pictures as first codes, scaled so that the farthest lies on the sphere."""
    flat = data.flatten(1)
    flat = flat - flat.mean(0)
    rank = min(z_dim, *flat.shape)
    u, s, _ = torch.svd_lowrank(flat, q=min(rank + 8, *flat.shape), niter=4)
    codes = flat.new_zeros(len(flat), z_dim)
    codes[:, :rank] = (u * s)[:, :rank]
    return codes / codes.norm(dim=1).max().clamp(min=1e-12)


def _thinned(losses: list[float]) -> tuple[float, ...]:
    size = -(-len(losses) // 100)
    return tuple(sum(losses[i : i + size]) / len(losses[i : i + size]) for i in range(0, len(losses), size or 1))


class _Training:
    """Network, codes and their optimisers: all that a checkpoint holds."""

    def __init__(self, module: GLONetwork, data: Tensor, start: Tensor, seed: int) -> None:
        self.network, self.data, self.seed = module.network.train(), data, seed
        # Rows of pictures that are not in the batch must not move: sparse gradients leave their moments alone too.
        self.codes = torch.nn.Embedding.from_pretrained(start, freeze=False, sparse=True)
        self.rates = (NETWORK_RATE, CODE_RATE)
        load_rules()  # an optimiser has them imported
        self.optimisers: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Adam(self.network.parameters(), NETWORK_RATE),
            torch.optim.SparseAdam(list(self.codes.parameters()), CODE_RATE),
        )
        self.done, self.losses = 0, list[float]()

    def _batch(self, size: int) -> Tensor:
        """Pass over all pictures in an order of its own each time; a function of the step, so that it resumes."""
        n = len(self.data)
        first = self.done * size
        return torch.cat([self._order(k) for k in range(first // n, (first + size - 1) // n + 1)])[
            first % n : first % n + size
        ].to(self.data.device)

    def _order(self, epoch: int) -> Tensor:
        rng = torch.Generator("cpu").manual_seed(self.seed * 1_000_003 + epoch)
        return torch.randperm(len(self.data), generator=rng, dtype=torch.int64, device="cpu")

    @exact()
    def step(self, batch: int, total: int, lap: float, l2: float) -> GLOStep:
        """Make one step of network and codes, and project the codes on the ball."""
        for optimiser, rate in zip(self.optimisers, self.rates, strict=True):
            optimiser.param_groups[0]["lr"] = rate * min(1.0, 2 * max(1 - self.done / total, 0.02))
            optimiser.zero_grad(set_to_none=True)
        index = self._batch(batch)
        loss, shown = self._loss(index, lap, l2)
        loss.backward()
        for optimiser in self.optimisers:
            optimiser.step()
        with torch.no_grad():
            rows = self.codes.weight[index]
            self.codes.weight[index] = rows / rows.norm(dim=1, keepdim=True).clamp(min=1.0)
        self.done += 1
        self.losses.append(loss.item())
        return shown

    def _loss(self, index: Tensor, lap: float, l2: float) -> tuple[Tensor, GLOStep]:
        target, drawn = self.data[index], self.network(self.codes(index))
        losses = l2 * (drawn - target).square().mean((1, 2, 3))
        losses = losses + lap * lap1_norm(drawn - target) if lap else losses
        loss = losses.mean()
        shown = (x[:1].detach().expand(-1, 3, -1, -1) for x in (drawn, target))
        return loss, GLOStep(loss.item(), *shown)

    def look(self, batch: int, lap: float, l2: float) -> GLOStep:
        """Return what there is to show before a step, without learning from it."""
        self.network.eval()
        with torch.no_grad():
            shown = self._loss(self._batch(batch), lap, l2)[1]
        self.network.train()
        return shown

    def _parts(self) -> Iterator[tuple[str, Any]]:
        yield "network", self.network
        yield "codes", self.codes
        yield from (("optimiser", self.optimisers[0]), ("code optimiser", self.optimisers[1]))

    def save(self, file: Path) -> None:
        state = {name: part.state_dict() for name, part in self._parts()}
        of = {"pictures": len(self.data), "sketch": self._sketch()}
        with drafted(file, "checkpoint") as draft:
            torch.save(state | of | {"done": self.done, "losses": self.losses}, draft)

    def _sketch(self) -> Tensor:
        """What tells these pictures, in this order, from others: the means of their quarters."""
        return torch.nn.functional.adaptive_avg_pool2d(self.data, 2).flatten(1).cpu()

    def resume(self, file: Path | None) -> None:
        if file is None or not file.exists():
            return
        state = read_checkpoint(file, len(self.data), self._sketch())
        for name, part in self._parts():
            restore(part, state[name], state["done"])
        self.done, self.losses = state["done"], list(map(float, state["losses"]))
