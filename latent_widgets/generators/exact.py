"""``faces-exact``: the face renderer as a generator, whose true factor directions are known at every latent.

``z`` is Gaussian. A few coupling layers rotate pairs of its coordinates by angles that depend on the others, which
gives ``h``, Gaussian too; ``w = O D h`` with an orthogonal ``O`` and a diagonal ``D`` of distinct entries; each factor
is a strictly increasing function of one coordinate of ``h``; and the renderer draws the factors. So what a method ought
to find is known: at every ``w`` the columns of ``O D`` are the directions that change one factor each.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from latent_widgets import faces
from latent_widgets.core import checks
from latent_widgets.core.forward import FORWARD, load_rules
from latent_widgets.generators._codes import as_given
from latent_widgets.generators.base import Generator

__all__ = ["ExactFaces", "TrueDirections"]

_LAYERS = 4  # couplings: every coordinate is rotated at least twice
_VERSION = 1  # to be raised when a change of the maps below moves the directions


@dataclass(frozen=True, eq=False)
class TrueDirections:
    """The directions that change one factor each, at one latent or at ``n``.

    Attributes:
        vectors: ``(..., factors, dim)``, of unit length.
        rates: ``(..., factors)``, the rate of change of each factor along its own direction, per ``unit``.
        names: The factors.
        space: The space of the directions.
        unit: What the rates are per: ``"latent"``, one unit of length, or ``"sd"``, one standard deviation of the
            latent along the direction.
    """

    vectors: Tensor
    rates: Tensor
    names: tuple[str, ...]
    space: str
    unit: str


class _Maps(nn.Module):
    """The fixed maps from ``z`` to ``h`` to ``w``, drawn from a seed in float64."""

    order: Tensor  # (layers, dim): first members of the pairs, second members, and the coordinates that set the angles
    back: Tensor  # (layers, dim): undoes ``order``
    gates: Tensor  # (layers, pairs, others): unit rows
    basis: Tensor  # (dim, dim): O
    scales: Tensor  # (dim,): the diagonal of D

    def __init__(self, dim: int, entanglement: float, seed: int) -> None:
        super().__init__()
        self.dim, self.entanglement, self.seed = dim, entanglement, seed
        for name, value in self._draw().items():
            self.register_buffer(name, value)

    def _draw(self) -> dict[str, Tensor]:
        rng = torch.Generator("cpu").manual_seed(self.seed)
        moved = 2 * math.ceil(self.dim / 4)
        shuffled = [
            torch.randperm(self.dim, generator=rng, dtype=torch.int64, device="cpu") for _ in range(_LAYERS // 2)
        ]
        # reversed, so that the next layer moves the coordinates that set the angles of this one
        order = torch.stack([o for one in shuffled for o in (one, one.flip(0))])
        shape = (_LAYERS, moved // 2, self.dim - moved)
        gates = torch.randn(shape, generator=rng, dtype=torch.float64, device="cpu")
        q, r = torch.linalg.qr(torch.randn(self.dim, self.dim, generator=rng, dtype=torch.float64, device="cpu"))
        # from 2 down to 1/2, so that no two singular values tie; shuffled, so that their order says nothing of factors
        scales = 2.0 ** torch.linspace(1, -1, self.dim, dtype=torch.float64, device="cpu")
        return {
            "order": order,
            "back": order.argsort(1),
            "gates": gates / gates.norm(dim=2, keepdim=True),
            "basis": q * r.diagonal().sign(),
            "scales": scales[torch.randperm(self.dim, generator=rng, dtype=torch.int64, device="cpu")],
        }

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> _Maps:
        """Move or convert, then put back the digits that a narrower type had cut off."""
        super()._apply(fn, recurse)
        for name, value in self._draw().items():
            self.get_buffer(name).copy_(value)
        return self

    def couple(self, x: Tensor, tangents: Tensor, layer: int, sign: int) -> tuple[Tensor, Tensor]:
        """Rotate the pairs of one layer, forwards (``sign`` 1) or back (-1), and push tangents (n, dim, k) through."""
        pairs = self.gates.shape[1]
        sizes = (pairs, pairs, self.dim - 2 * pairs)
        order, back, gates = self.order[layer], self.back[layer], self.gates[layer]
        a, b, others = x[:, order].split(sizes, 1)
        bend = torch.tanh(others @ gates.T)
        angle = sign * self.entanglement * bend  # (n, pairs)
        cos, sin = angle.cos(), angle.sin()
        a, b = cos * a - sin * b, sin * a + cos * b
        moved = torch.cat([a, b, others], 1)[:, back]

        da, db, dothers = tangents[:, order].split(sizes, 1)
        dangle = (sign * self.entanglement * (1 - bend**2))[..., None] * (gates @ dothers)
        cos, sin = cos[..., None], sin[..., None]
        da, db = cos * da - sin * db - b[..., None] * dangle, sin * da + cos * db + a[..., None] * dangle
        return moved, torch.cat([da, db, dothers], 1)[:, back]

    def run(self, x: Tensor, tangents: Tensor, sign: int) -> tuple[Tensor, Tensor]:
        """Run all couplings, ``z`` to ``h`` (``sign`` 1) or ``h`` to ``z`` (-1), and push tangents through."""
        for layer in range(_LAYERS)[::sign]:
            x, tangents = self.couple(x, tangents, layer, sign)
        return x, tangents

    def hidden(self, z: Tensor) -> Tensor:
        """Map ``z`` (n, dim) to ``h`` (n, dim)."""
        return self.run(z, z[..., None][..., :0], 1)[0]

    def unhidden(self, h: Tensor) -> Tensor:
        """Map ``h`` back to ``z``."""
        return self.run(h, h[..., None][..., :0], -1)[0]

    def jacobian(self, x: Tensor, sign: int) -> Tensor:
        """Return dh/dz at ``z = x`` (``sign`` 1) or dz/dh at ``h = x`` (-1), each (n, dim, dim)."""
        return self.run(x, torch.eye(self.dim, dtype=x.dtype, device=x.device).expand(len(x), -1, -1), sign)[1]


class ExactFaces(Generator):
    """The face renderer as a generator with known answers: spaces ``z``, ``w`` and ``s``, the factor values.

    ``w`` and ``s`` have the same length, so a code without a space is a ``w``; say ``space="s"`` for factor values.

    Args:
        resolution: Side of the picture in pixels; edges are one pixel wide at every size.
        entanglement: How strongly the map from ``z`` bends; 0 makes it linear.
        seed: Seed of the fixed maps.
        dtype: Floating type.
        device: Where to compute.

    Raises:
        TypeError: If ``resolution`` or ``seed`` is not an integer or ``entanglement`` not a number.
        ValueError: If one of them is out of bounds.

    Example:
        >>> G = ExactFaces(resolution=32)
        >>> w = G.map(G.sample_z(2, seed=0))
        >>> G.synthesize(w).shape
        torch.Size([2, 3, 32, 32])
        >>> smile = faces.FACTOR_NAMES.index("smile")
        >>> change = G.factors(w + 0.1 * G.true_directions().vectors[smile]) - G.factors(w)
        >>> int(change.abs().amax(0).argmax()) == smile
        True
    """

    module: _Maps

    def __init__(
        self,
        resolution: int = 64,
        *,
        entanglement: float = 1.0,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
    ) -> None:
        checks.integer("resolution", resolution, low=1)
        checks.number("entanglement", entanglement, low=0.0)
        checks.integer("seed", seed, low=0, high=2**63 - 1)
        dim = len(faces.FACTORS)
        super().__init__(
            _Maps(dim, float(entanglement), int(seed)).to(device=device, dtype=dtype),
            name="faces-exact",
            spaces=("z", "w", "s"),
            z_dim=dim,
            w_dim=dim,
            s_dim=dim,
            layer_names=("coverage", "shading", "parts"),
            resolution=resolution,
        )

    @property
    def entanglement(self) -> float:
        """How strongly the map from ``z`` bends."""
        return self.module.entanglement

    @property
    def weights_hash(self) -> str:
        """A sha256 of what fixes the directions: the same in every type and on machines that round differently."""
        facts = (_VERSION, self.module.seed, self.module.entanglement, faces.FACTOR_NAMES)
        return hashlib.sha256(f"faces-exact {facts}".encode()).hexdigest()

    @property
    def preview_resolutions(self) -> tuple[int, ...]:
        """The powers of two from 16 up that are below the full resolution."""
        return tuple(2**i for i in range(4, self.resolution.bit_length()) if 2**i < self.resolution)

    # ---- the known answers

    def factors(self, code: Tensor, space: str | None = None) -> Tensor:
        """Return the factor values of codes.

        Args:
            code: ``w``, ``z`` or ``s``, see :meth:`check_code`.
            space: The space of the codes; ``w`` if not given.

        Returns:
            ``(n, factors)`` in the order of ``faces.FACTORS``; ``(factors,)`` for a single code.
        """
        batch, space = self.check_code(code, space)
        return as_given(self._factors(batch, space), code)

    def code_of(self, factors: Tensor) -> Tensor:
        """Return the ``w`` of faces with given factors: the inverse of :meth:`factors`.

        Args:
            factors: ``(n, factors)`` or ``(factors,)``, strictly inside the ranges of ``faces.FACTORS``.

        Returns:
            ``w`` in the form of ``factors``.

        Raises:
            TypeError: If ``factors`` is no tensor of the generator's type.
            ValueError: If its shape is wrong or a value is not inside its range, whose ends are infinitely far away.
        """
        batch, _ = self.check_code(factors, "s", name="factors")
        h = torch.special.ndtri(faces.cumulative(batch))
        low, high = batch.new_tensor([(one.low, one.high) for one in faces.FACTORS]).T
        inside = (batch > low) & (batch < high) & h.isfinite()  # at an end h may come out finite, by rounding
        if checks.readable(h) and not bool(inside.all()):
            row, column = (int(i) for i in (~inside).nonzero()[0])
            wrong, value = faces.FACTORS[column], float(batch[row, column])
            raise ValueError(
                f"factors must lie strictly inside their ranges, got {wrong.name} = {value:g}, "
                f"whose range is {wrong.low:g} to {wrong.high:g}."
            )
        return as_given(self._stretch(h), factors)

    def inverse(self, w: Tensor) -> Tensor:
        """Return the ``z`` that is mapped to ``w``: the inverse of :meth:`map`.

        Args:
            w: ``(n, w_dim)`` or ``(w_dim,)``.

        Returns:
            ``z`` in the form of ``w``.
        """
        batch, _ = self.check_code(w, "w", name="w")
        return as_given(self.module.unhidden(self._shrink(batch)), w)

    def mapping_jacobian(self, z: Tensor) -> Tensor:
        """Return dw/dz in closed form.

        Args:
            z: ``(n, z_dim)`` or ``(z_dim,)``.

        Returns:
            ``(n, w_dim, z_dim)``, or ``(w_dim, z_dim)`` for a single latent.
        """
        batch, _ = self.check_code(z, "z", name="z")
        return as_given((self.module.basis * self.module.scales) @ self.module.jacobian(batch, 1), z)

    def true_directions(self, code: Tensor | None = None, space: str = "w", unit: str = "latent") -> TrueDirections:
        """Return, for every factor, the direction that changes it and no other, in closed form.

        In ``w`` they are the columns of ``O D``, the same everywhere and exact for any step. In ``z`` they are the
        columns of the inverse of dh/dz and hold to first order.

        Args:
            code: Where, in ``space``: ``(n, dim)`` or ``(dim,)``; the average if not given.
            space: ``"w"`` or ``"z"``.
            unit: What the rates are per: ``"latent"`` (unit of length) or ``"sd"`` (standard deviation of the latent
                along the direction: the entry of ``D`` in ``w``, one in ``z``).

        Returns:
            Directions and rates.

        Raises:
            ValueError: If ``space`` or ``unit`` is none of these.
        """
        checks.choice("space", space, ("w", "z"), "The factors themselves are the axes of s.")
        checks.choice("unit", unit, ("latent", "sd"))
        at = torch.zeros(self.dim(space), device=self.device, dtype=self.dtype) if code is None else code
        batch, _ = self.check_code(at, space)
        h = self.module.hidden(batch) if space == "z" else self._shrink(batch)
        load_rules()
        with FORWARD:
            slopes = torch.func.jvp(_values, (h,), (torch.ones_like(h),))[1]  # each factor depends on one entry of h
        if space == "w":
            vectors = self.module.basis.T.expand(len(h), -1, -1)
            lengths = self.module.scales.expand(len(h), -1)  # how far w moves for one unit of h
            rates = slopes if unit == "sd" else slopes / lengths
        else:
            columns = self.module.jacobian(h, -1).mT  # row i: how z moves for one unit of h_i
            lengths = columns.norm(dim=2)
            vectors, rates = columns / lengths[..., None], slopes / lengths
        return TrueDirections(as_given(vectors, at), as_given(rates, at), faces.FACTOR_NAMES, space, unit)

    def part_maps(self, code: Tensor, space: str | None = None) -> Tensor:
        """Return how much of each part is visible, exactly.

        Args:
            code: As for :meth:`synthesize`.
            space: As for :meth:`synthesize`.

        Returns:
            ``(n, len(faces.PARTS), H, W)``, summing to one over the parts.
        """
        return self.features(code, ["parts"], space)["parts"]

    # ---- what Generator asks for

    def _stretch(self, h: Tensor) -> Tensor:
        return (h * self.module.scales) @ self.module.basis.T

    def _shrink(self, w: Tensor) -> Tensor:
        return (w @ self.module.basis) / self.module.scales

    def _factors(self, code: Tensor, space: str) -> Tensor:
        if space == "s":
            return code
        return _values(self.module.hidden(code) if space == "z" else self._shrink(code))

    def _render(self, code: Tensor, space: str, size: int) -> faces.Render:
        return faces.render(self._factors(code, space), size)

    def _map(self, z: Tensor) -> Tensor:
        return self._stretch(self.module.hidden(z))

    def _synthesize(self, code: Tensor, space: str) -> Tensor:
        return self._render(code, space, self.resolution).image

    def _preview(self, code: Tensor, space: str, resolution: int) -> Tensor:
        return self._render(code, space, resolution).image

    def _features(self, code: Tensor, space: str, layers: Sequence[str]) -> dict[str, Tensor]:
        drawn = self._render(code, space, self.resolution)
        return {name: getattr(drawn, name) for name in layers}


def _values(h: Tensor) -> Tensor:
    """The factor values of ``h``: uniform through the normal distribution function, then each factor's own law."""
    return faces.quantile(torch.special.ndtr(h))
