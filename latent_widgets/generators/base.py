"""What every generator can do, whatever network is inside.

The spaces are ``z`` (the input latent), ``w`` (the mapped latent), ``w+`` (one ``w`` per layer) and ``s`` (style
vectors). A network without a mapping has ``z`` only. Everything is differentiable, also under torch.func transforms.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.core.lock import PriorityLock
from latent_widgets.core.words import whole
from latent_widgets.generators._codes import Mapped, as_given, space_by_shape
from latent_widgets.generators._conditions import Conditional
from latent_widgets.generators._values import Activations, PlacedCode
from latent_widgets.generators._weights import first_floating, hash_weights, made_here

__all__ = ["Activations", "Generator"]


class Generator(Conditional, ABC):
    """A generator: latent codes in, pictures out.

    Codes are float tensors on the generator's device: ``z`` (n, z_dim), ``w`` (n, w_dim), ``w+`` (n, num_layers,
    w_dim), ``s`` (n, s_dim). A single code may come without its first axis. Pictures are ``(n, 3, H, W)``, nominally
    in [-1, 1], never clamped.

    Args:
        module: The network; device and dtype of everything follow its parameters.
        name: What to call it.
        spaces: The latent spaces it has, of ``z``, ``w``, ``w+`` and ``s``.
        z_dim: Length of ``z``.
        w_dim: Length of ``w``; None without one.
        s_dim: Length of ``s``; None without one.
        num_layers: Rows of ``w+``; 1 without one.
        layer_names: Names accepted by :meth:`features`, in order.
        layer_index: For each of them, the row of ``w+`` that styles it.
        resolution: Side of the picture in pixels; or height and width, kept as ``picture_size`` beside the longer one.
    """

    unsteady = ""  # why the picture of a latent is not always the same, and what helps; nothing where it is

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str,
        spaces: Sequence[str],
        z_dim: int,
        w_dim: int | None = None,
        s_dim: int | None = None,
        num_layers: int = 1,
        layer_names: Sequence[str] = (),
        layer_index: Sequence[int] | None = None,
        resolution: int | tuple[int, int],
    ) -> None:
        self.module = module.eval().requires_grad_(False)
        self.name, self.spaces = whole(name), tuple(spaces)
        self.z_dim, self.w_dim, self.s_dim = z_dim, w_dim, s_dim
        self.num_layers, sides = num_layers, (resolution, resolution) if isinstance(resolution, int) else resolution
        self.picture_size, self.resolution = sides, max(sides)
        self.layer_names = tuple(layer_names)
        self.layer_index = (0,) * len(self.layer_names) if layer_index is None else tuple(layer_index)
        self.lock = PriorityLock()  # linked panels never run one module at once; pictures go before spectra
        self._hash: str | None = None
        self.origin: str | None = None  # the expression that loads it again, if there is one
        self.notes: tuple[str, ...] = ()  # what was inferred when it was loaded
        self.own_network = made_here(self, *module.modules())  # whose derivatives need no trial
        self.mapped = Mapped()
        self.findings: dict[tuple[Any, ...], Any] = {}  # about its derivatives, by target and space
        self.kept: dict[str, Any] = {}  # what was measured of it, with what tells whether that still holds

    # ---- what a subclass writes

    @abstractmethod
    def _synthesize(self, code: Tensor, space: str) -> Tensor:
        """Draw ``code``, checked and with its first axis, given in ``space``."""

    def _map(self, z: Tensor) -> Tensor:
        raise NotImplementedError

    def _features(self, code: Tensor, space: str, layers: Sequence[str]) -> dict[str, Tensor]:
        raise NotImplementedError

    def _activations(self, code: Tensor, space: str) -> tuple[Any, ...]:
        raise NotImplementedError

    def _resume(self, code: Tensor, space: str, state: Any, step: int) -> Tensor:
        raise NotImplementedError

    def _preview(self, code: Tensor, space: str, resolution: int) -> Tensor:
        raise NotImplementedError

    def _growing(self, code: Tensor, space: str, resolution: int) -> Iterator[Tensor]:
        yield self._preview(code, space, resolution)
        yield self._synthesize(code, space)

    @property
    def w_avg(self) -> Tensor:
        """The point ``(main_dim,)`` towards which truncation pulls: the mean of ``w``, or zero for ``z``."""
        return torch.zeros(self.dim(self.main_space), device=self.device, dtype=self.dtype)

    @property
    def preview_resolutions(self) -> tuple[int, ...]:
        """The resolutions below the full one at which :meth:`preview` can draw; empty where it cannot."""
        return ()

    @property
    def can_resume(self) -> bool:
        """Whether :meth:`activations` and :meth:`resynthesize` are available."""
        return False

    # ---- facts

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return first_floating(self.module).device

    @property
    def dtype(self) -> torch.dtype:
        """The floating type of the network."""
        return first_floating(self.module).dtype

    @property
    def main_space(self) -> str:
        """The space in which codes are explored: ``w`` where there is one, else ``z``."""
        return "w" if "w" in self.spaces else "z"

    def dim(self, space: str) -> int:
        """Return the length of one code vector in ``space`` (for ``w+``, of one of its rows).

        Args:
            space: One of :attr:`spaces`.

        Returns:
            The length.

        Raises:
            ValueError: If the generator has no such space.
        """
        dims = {"z": self.z_dim, "w": self.w_dim, "w+": self.w_dim, "s": self.s_dim}
        return int(dims[self.check_space(space)] or 0)

    @property
    def weights_hash(self) -> str:
        """The sha256 of the weights when first asked for; results carry it, so that they know their generator."""
        if self._hash is None:
            self._hash = hash_weights(self.module)
        return self._hash

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Generator:
        """Move the network to a device or type, in place, and return the generator."""
        _ = self.weights_hash  # the identity stays that of the loaded weights
        with self.lock.turn(-100):  # after all that is under way and would find its tensors elsewhere
            self.module.to(device=device, dtype=dtype)
        return self

    def __repr__(self) -> str:
        size = " x ".join(map(str, dict.fromkeys(self.picture_size[::-1])))  # a square has one side
        facts = f"{', '.join(self.spaces)}; {size} px; {self.num_layers} layers; {self.device}"
        return f"<{type(self).__name__} {self.name!r}: {facts}>"

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("lock", "_of_class")}  # each makes its own

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.lock = PriorityLock()

    # ---- checks

    def check_space(self, space: str) -> str:
        """Return ``space`` if this generator has it, else raise ValueError listing what it has."""
        hint = f"Generator {self.name!r} has these spaces only." if space in ("z", "w", "w+", "s") else ""
        return checks.choice("space", space, self.spaces, hint)

    def check_layers(self, layers: Sequence[str]) -> tuple[str, ...]:
        """Return ``layers`` if all exist, else raise ValueError listing what exists."""
        if isinstance(layers, str):
            raise TypeError(f"layers must be a list of layer names, got the string {layers!r}. Use [{layers!r}].")
        return tuple(checks.choice("layer", layer, self.layer_names) for layer in layers)

    def check_code(self, code: Tensor | PlacedCode, space: str | None = None, name: str = "code") -> tuple[Tensor, str]:
        """Check a code and find its space.

        Without ``space``, three axes mean ``w+``; fewer mean the first of ``w`` and ``s`` (or ``z``) whose length fits.

        Args:
            code: The code, with or without its first axis; or a value with ``tensor`` and ``space``, as ``Code`` is.
            space: The space it lives in.
            name: What the argument is called in errors.

        Returns:
            The code with its first axis, and the space.

        Raises:
            TypeError: If it is no tensor of the generator's type.
            ValueError: If shape or space do not exist here, it is on another device, or a number is not finite.
        """
        plain = isinstance(code, Tensor)
        if not plain and isinstance(code, PlacedCode):  # the second question takes long
            if space not in (None, code.space):
                raise ValueError(f"{name} must be a code in {space}, got one in {code.space}.")
            space = code.space
            code = code.tensor.to(self.device, self.dtype)
        if not isinstance(code, Tensor):
            raise TypeError(f"{name} must be a torch tensor, got {type(code).__name__}. Use torch.as_tensor(...).")
        space = space_by_shape(self, code, name) if space is None else self.check_space(space)
        if plain and space == "z" and self.z_dim == self.w_dim and code in self.mapped:
            raise ValueError(
                f"{name} must be a latent in z, got a code in w. Use G.sample_z(seed=...), or Code(z, 'z')."
            )
        tail: tuple[int | str, ...] = (self.num_layers, self.dim(space)) if space == "w+" else (self.dim(space),)
        checks.shape(name, code, ("n", *tail), tail)
        checks.floating(name, code, self.dtype)
        checks.placed(name, code, self.device)
        checks.finite(name, code)
        return (code[None] if code.ndim == len(tail) else code), space

    # ---- what users call

    def sample_z(self, n: int = 1, seed: int = 0) -> Tensor:
        """Draw latents from the prior, the same on every device.

        Args:
            n: How many.
            seed: A non-negative integer.

        Returns:
            ``(n, z_dim)`` on the generator's device.

        Raises:
            TypeError: If ``n`` or ``seed`` is not an integer.
            ValueError: If ``n`` < 1 or ``seed`` < 0.
        """
        checks.integer("n", n, low=1)
        checks.integer("seed", seed, low=0, high=2**63 - 1)
        rng = torch.Generator("cpu").manual_seed(int(seed))
        z = torch.randn(n, self.z_dim, generator=rng, dtype=torch.float32, device="cpu")
        return z.to(self.device, self.dtype)

    def map(self, z: Tensor, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        """Map ``z`` to ``w``.

        Truncation (Karras et al. 2019, appendix B) replaces ``w`` by ``w_avg + truncation * (w - w_avg)``.

        Args:
            z: ``(n, z_dim)`` or ``(z_dim,)``.
            truncation: 1 changes nothing, 0 gives the average picture.
            cutoff: Truncate only the rows below this layer; the result is then ``w+``.

        Returns:
            ``w`` in the form of ``z``, or ``w+`` with ``cutoff``.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If the generator has no mapping network, or an argument does not fit.
        """
        if "w" not in self.spaces:
            raise ValueError(
                f"map must be called on a generator with a mapping network, got {self.name!r}, which has z only. "
                "Use G.synthesize(z)."
            )
        psi = checks.number("truncation", truncation)
        batch, _ = self.check_code(z, "z", name="z")
        w = self._map(batch)
        if cutoff is not None:
            checks.integer("cutoff", cutoff, low=0, high=self.num_layers)
            self.check_space("w+")
            rows = (torch.arange(self.num_layers, device=w.device, dtype=torch.int64) < cutoff)[:, None]
            w = torch.where(rows, self.w_avg.lerp(w, psi)[:, None], w[:, None])
        elif psi != 1.0:
            w = self.w_avg.lerp(w, psi)
        return self.mapped.note(as_given(w, z))

    def code(self, seed: int, truncation: float = 1.0) -> Tensor:
        """Return the code of one seed in :attr:`main_space`: what an explorer starts from.

        Args:
            seed: A non-negative integer.
            truncation: 1 changes nothing, 0 gives the average picture.

        Returns:
            ``(dim,)``.
        """
        z = self.sample_z(1, seed)
        code = self._map(z) if self.main_space == "w" else z
        drawn = self.w_avg.lerp(code, checks.number("truncation", truncation))[0]
        return self.mapped.note(drawn) if self.main_space == "w" else drawn

    def broadcast(self, code: Tensor) -> Tensor:
        """Repeat ``w`` (n, w_dim) for every layer: ``w+`` (n, num_layers, w_dim)."""
        self.check_space("w+")
        batch, _ = self.check_code(code, "w")
        return batch[:, None].repeat(1, self.num_layers, 1)

    def synthesize(self, code: Tensor | PlacedCode, space: str | None = None) -> Tensor:
        """Draw the pictures of codes.

        Args:
            code: ``w``, ``w+``, ``s`` or ``z``, see :meth:`check_code`.
            space: The space of the codes; found from the shape if not given.

        Returns:
            ``(n, 3, H, W)``.

        Raises:
            TypeError: If ``code`` is no tensor of the generator's type.
            ValueError: If its shape or space does not exist here, or a number is not finite.
        """
        batch, space = self.check_code(code, space)
        return self._synthesize(batch, space)

    def __call__(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        """Draw the pictures of ``z``: :meth:`map`, then :meth:`synthesize`."""
        if self.main_space == "z":
            batch, _ = self.check_code(z, "z", name="z")
            return self._synthesize(batch * checks.number("truncation", truncation), "z")
        w = self.map(z, truncation)
        return self._synthesize(w[None] if w.ndim == 1 else w, "w")

    def features(self, code: Tensor | PlacedCode, layers: Sequence[str], space: str | None = None) -> dict[str, Tensor]:
        """Return what named layers give out.

        Args:
            code: As for :meth:`synthesize`.
            layers: Names of :attr:`layer_names`.
            space: As for :meth:`synthesize`.

        Returns:
            For each name ``(n, C, h, w)``.

        Raises:
            TypeError: If ``layers`` is a string.
            ValueError: If a layer does not exist; the message lists all.
        """
        names = self.check_layers(layers)
        batch, space = self.check_code(code, space)
        return self._features(batch, space, names)

    def activations(self, code: Tensor | PlacedCode, space: str | None = None) -> Activations:
        """Run the synthesis and keep what goes into every layer, for :meth:`resynthesize`."""
        self._need_resume("activations")
        batch, space = self.check_code(code, space)
        return Activations(self._activations(batch, space))

    def resynthesize(
        self, code: Tensor | PlacedCode, cache: Activations, layer: int, space: str | None = None
    ) -> Tensor:
        """Draw codes that differ from the cached ones only in rows ``layer`` and later, re-running only those.

        Args:
            code: ``w+`` (or ``w``, if ``layer`` is 0), as many as were cached.
            cache: What :meth:`activations` returned for the unchanged codes.
            layer: The first row of ``w+`` that changed.
            space: As for :meth:`synthesize`.

        Returns:
            ``(n, 3, H, W)``, equal to ``synthesize(code)``.

        Raises:
            ValueError: If ``layer`` does not exist, the generator cannot resume, or a change of the code changes all
                rows.
        """
        self._need_resume("resynthesize")
        checks.integer("layer", layer, low=0, high=self.num_layers - 1)
        batch, space = self.check_code(code, space)
        if layer and space in ("z", "w"):
            raise ValueError(f"layer must be 0 for a code in {space}, which goes into all layers, got {layer}.")
        step = next(i for i, row in enumerate(self.layer_index) if row >= layer)
        return self._resume(batch, space, cache.states[step], step)

    def preview(self, code: Tensor | PlacedCode, resolution: int, space: str | None = None) -> Tensor:
        """Draw small pictures, faster than the full ones.

        Args:
            code: As for :meth:`synthesize`.
            resolution: One of :attr:`preview_resolutions`.
            space: As for :meth:`synthesize`.

        Returns:
            ``(n, 3, resolution, resolution)``.

        Raises:
            ValueError: If the generator cannot draw at that resolution.
        """
        batch, space = self._check_preview(code, resolution, space)
        return self._preview(batch, space, resolution)

    def growing(self, code: Tensor | PlacedCode, resolution: int, space: str | None = None) -> Iterator[Tensor]:
        """Draw small pictures, and from there the full ones where the generator can go on from them.

        Args:
            code: As for :meth:`synthesize`.
            resolution: As for :meth:`preview`.
            space: As for :meth:`synthesize`.

        Returns:
            An iterator of two: what :meth:`preview` gives, then what :meth:`synthesize` gives, drawn when asked for.

        Raises:
            ValueError: If the generator cannot draw at that resolution.
        """
        batch, space = self._check_preview(code, resolution, space)
        return self._growing(batch, space, resolution)

    def _check_preview(self, code: Tensor | PlacedCode, resolution: int, space: str | None) -> tuple[Tensor, str]:
        if resolution not in self.preview_resolutions:
            options = ", ".join(map(str, self.preview_resolutions)) or "none (this generator has no preview)"
            raise ValueError(f"resolution must be one of {options}, got {resolution!r}.")
        return self.check_code(code, space)

    def _need_resume(self, what: str) -> None:
        if not self.can_resume:
            raise ValueError(
                f"{what} must be called on a generator that can go on from a layer, got {self.name!r}. "
                "Use G.synthesize(code)."
            )
