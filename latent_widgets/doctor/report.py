"""The whole examination, from the name of a device and of a network to a report."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from latent_widgets.core.words import one_line
from latent_widgets.doctor.checkpoint import checkpoint
from latent_widgets.doctor.device import device_of
from latent_widgets.doctor.finding import Finding
from latent_widgets.doctor.modes import modes_finding, modes_of
from latent_widgets.doctor.numbers import numbers_findings
from latent_widgets.doctor.precision import precision
from latent_widgets.doctor.surroundings import surroundings
from latent_widgets.doctor.times import PATIENCE, times_findings
from latent_widgets.generators.base import Generator
from latent_widgets.generators.checkpoints.sources import locate
from latent_widgets.generators.zoo import list_models, load
from latent_widgets.geometry.jacobian.functions import image_function, preview_function

__all__ = ["Report", "examine", "examine_network"]

BUILT_IN = "faces64"


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        findings: In the order in which they are told.
    """

    findings: tuple[Finding, ...]

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        return not any(finding.wrong for finding in self.findings)

    def __str__(self) -> str:
        wide = max((len(finding.name) for finding in self.findings), default=0)
        lines = [f"{finding.name:<{wide}}  {finding.said}" for finding in self.findings]
        wrong = [f"WRONG: {finding.name}: {finding.wrong}" for finding in self.findings if finding.wrong]
        return "\n".join([*lines, *(wrong or ["All is well."])])


def examine(source: str | None = None, device: str | None = None, **options: Any) -> Report:
    """Examine the package with a network on a device.

    Args:
        source: A built-in name or a checkpoint; the faces that come with the package if not given, and where the
            checkpoint is refused.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``; the CPU if not given.
        **options: What is known of a file: ``filename``, ``sha256``, ``prefix``, ``mapping_lr`` and ``final_tanh``.

    Returns:
        The report.

    Raises:
        ValueError: If the device is unknown or not there, or the source is neither name nor file.
        OSError: If the file cannot be read.
    """
    place = device_of(device)
    known = {name: value for name, value in options.items() if value is not None}
    findings = [*surroundings(place), precision()]
    if source is None or source in {info.name for info in list_models()}:
        G = load(source or BUILT_IN, device=place)
    else:
        path = locate(source, known.pop("filename", None), known.pop("sha256", None))
        read = checkpoint(path, **known)
        findings.append(read)
        G = load(BUILT_IN, device=place) if read.wrong else load(path, device=place, **known)
    return Report((*findings, *_findings(G, PATIENCE)))


def examine_network(G: Generator, patience: float = PATIENCE) -> Report:
    """Examine one generator where it is.

    Args:
        G: The generator, in float32 or float64.
        patience: Seconds that a pass over regions may take to be run and not only estimated.

    Returns:
        What was found about it.

    Raises:
        ValueError: If it computes in half precision, or draws a latent differently each time.

    Example:
        >>> report = examine_network(load("digits32"), patience=0)
        >>> report.well, [finding.name for finding in report.findings][:2]
        (True, ['network', 'operators'])
    """
    return Report(tuple(_findings(G, patience)))


def _findings(G: Generator, patience: float) -> Iterator[Finding]:
    code = G.code(seed=0)
    f = image_function(G, code)
    about = f"{one_line(G.name, 100)}: {', '.join(G.spaces)}; {G.picture_size[1]} x {G.picture_size[0]} px; "
    yield Finding("network", f"{about}{len(f.x0)} numbers in a code; {str(G.dtype).removeprefix('torch.')}")
    if G.own_network and G.preview_resolutions:  # the same operators, and derivatives that the tests compare
        f = preview_function(G, code, min(G.preview_resolutions))
    yield modes_finding(modes_of(f.call, f.x0, compare=not G.own_network))
    parts = (partial(numbers_findings, G, code), partial(times_findings, G, code, patience))
    for part in parts:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what they say of operators has been said
                found = list(part())
        except torch.OutOfMemoryError:
            yield Finding("memory", "ran out", "memory ran out. Take a smaller network or another device.")
            return
        except (ValueError, RuntimeError) as error:
            yield Finding("derivatives", "failed", one_line(str(error)))
            return
        yield from found
