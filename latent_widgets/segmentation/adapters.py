"""Segmenters of others: a network, any function, a model of transformers, or one painted mask for every picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL.Image import Image
from torch import Tensor, nn

from latent_widgets.core.imports import import_whole
from latent_widgets.core.rounding import rounding
from latent_widgets.segmentation.base import Features, Part, Segmenter
from latent_widgets.values.masks import Mask

__all__ = ["FixedMask", "ForeignSegmenter", "as_segmenter", "transformers_segmenter"]


class ForeignSegmenter(Segmenter):
    """Someone's network or function as a segmenter.

    It may give out logits ``(n, labels, h, w)``, which are brought to the size of the pictures; integer labels
    ``(n, H, W)``; a dict with one of these as ``"out"`` or ``"logits"``; or an object with ``logits``, or with the
    ``class_queries_logits`` and ``masks_queries_logits`` of transformers' universal segmenters.

    Args:
        function: Takes pictures. A network is set to evaluation mode; its device stays as it is.
        names: One name for each label.
        prepare: Turns pictures in [-1, 1] into what ``function`` takes; they go in as they are if not given.
        name: What to call it in errors; the name of the function or of its class if not given.

    Raises:
        TypeError: If ``function`` or ``prepare`` cannot be called.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Any],
        names: Iterable[str],
        *,
        prepare: Callable[[Tensor], Tensor] | None = None,
        name: str | None = None,
    ) -> None:
        for what, value in (("function", function), ("prepare", prepare)):
            if value is not None and not callable(value):
                raise TypeError(f"{what} must be callable, got {type(value).__name__}.")
        super().__init__(names, name or str(getattr(function, "__name__", type(function).__name__)))
        self.function = function.eval() if isinstance(function, nn.Module) else function
        self.prepare = prepare

    def _labels(self, images: Tensor | None, codes: Any, space: str | None, features: Features | None) -> Tensor:
        assert images is not None  # labels() has seen to it
        self._check_device(images.device)
        try:
            found = self.function(images if self.prepare is None else self.prepare(images))
        except Exception as error:
            raise RuntimeError(
                f"the segmenter {self.name} must take pictures of shape {tuple(images.shape)} in {images.dtype}, "
                f"got {type(error).__name__}: {error}"
            ) from error
        found = _unwrap(found)
        if not isinstance(found, Tensor) or not found.is_floating_point() or found.ndim != 4:
            return found  # labels; or something that labels() refuses in words
        if found.shape[:2] != (len(images), len(self.names)):
            raise ValueError(
                f"the logits of {self.name} must have shape ({len(images)}, {len(self.names)}, h, w), one for each of "
                f"its names, got {tuple(found.shape)}."
            )
        return F.interpolate(found, images.shape[-2:], mode="bilinear", align_corners=False).argmax(1)

    def _check_device(self, device: torch.device) -> None:
        if isinstance(self.function, nn.Module):
            for value in (*self.function.parameters(), *self.function.buffers()):
                if value.device != device:
                    raise ValueError(
                        f"the segmenter {self.name} must be on the device of the pictures, {device}, "
                        f"got {value.device}. Use module.to({str(device)!r})."
                    )


def _unwrap(found: Any) -> Any:
    """Find the logits or labels in what a network gave out."""
    if isinstance(found, Mapping):
        for key in ("out", "logits"):
            if key in found:
                return found[key]
    if hasattr(found, "logits"):
        return found.logits
    if hasattr(found, "masks_queries_logits"):  # each query is a class (the last: none) and a region
        classes = found.class_queries_logits.softmax(-1)[..., :-1]
        return torch.einsum("nqk,nqhw->nkhw", classes, found.masks_queries_logits.sigmoid())
    return found


class FixedMask(Segmenter):
    """One painted region for every picture: for aligned pictures, or for the one picture that it was painted on.

    Args:
        mask: What :class:`latent_widgets.Mask` takes; brought to the pictures' size.
        names: What is outside, and what is inside.

    Raises:
        ValueError: If there are not two names.

    Example:
        >>> S = FixedMask(np.array([[1.0, 0.25]]), names=("background", "left"))
        >>> S(torch.zeros(1, 3, 1, 2)), S.mask(torch.zeros(1, 3, 1, 2), "background")
        (tensor([[[1, 0]]]), tensor([[[0.0000, 0.7500]]]))
    """

    def __init__(self, mask: Any, names: Iterable[str] = ("background", "region")) -> None:
        super().__init__(names, "the painted mask")
        if len(self.names) != 2:
            raise ValueError(f"names must be two, of the outside and the inside, got {list(self.names)!r}.")
        self.region = mask if isinstance(mask, Mask) else Mask(mask)

    def _labels(self, images: Tensor | None, codes: Any, space: str | None, features: Features | None) -> Tensor:
        assert images is not None  # labels() has seen to it
        return (self._weights(images) > 0.5 + rounding(torch.float32)).long()  # half covered is outside

    def mask(self, images: Tensor | None, part: Part, codes: Any = None, **options: Any) -> Tensor:
        """Return the painted weights ``(n, H, W)``, in the type of the pictures.

        Args:
            images: Whose size counts.
            part: As for :meth:`Segmenter.mask`.
            codes: Not looked at.
            **options: Not looked at either.

        Returns:
            Weights in [0, 1].

        Raises:
            ValueError: If there are no pictures, or no such part.
        """
        if images is None:
            raise ValueError(f"images must be given to {self.name}, got none. It looks at pictures.")
        self._check_images(images)
        wanted, weights = self.part_indices(part), self._weights(images)
        return sum(((1 - weights, weights)[label] for label in wanted), torch.zeros_like(weights))

    def _weights(self, images: Tensor) -> Tensor:
        weights = self.region.weights(*images.shape[-2:]).to(images.device, images.dtype)
        return weights.expand(len(images), *weights.shape)


def transformers_segmenter(model: Any, processor: Any = None, *, name: str | None = None) -> ForeignSegmenter:
    """Make a semantic segmentation model of transformers a segmenter; needs ``latent_widgets[segment]``.

    The pictures are resized and normalised on their own device, with the processor's numbers. Names are those of the
    model: where one part has several (lips and mouth), give ``mask`` all of them.

    Args:
        model: A loaded model, such as SegFormer or Mask2Former; or the name or folder of one, which is then loaded
            from safetensors, together with its processor.
        processor: Its image processor: ``image_mean``, ``image_std`` and ``size`` are read. Without one, pictures go
            in as they are, in [-1, 1].
        name: What to call it in errors.

    Returns:
        The segmenter.

    Raises:
        ModuleNotFoundError: If a model is to be loaded, and transformers is not installed.
        TypeError: If ``model`` has no ``config.id2label``.
    """
    if isinstance(model, str):
        try:
            import_whole("transformers")
            from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "the model must be loaded by the package transformers, got none. "
                "Use pip install 'latent_widgets[segment]'."
            ) from error
        processor = AutoImageProcessor.from_pretrained(model) if processor is None else processor
        name = name or model
        model = AutoModelForSemanticSegmentation.from_pretrained(model, use_safetensors=True)
    id2label = getattr(getattr(model, "config", None), "id2label", None)
    if not id2label:
        raise TypeError(f"model must have names in config.id2label, got {type(model).__name__}. Use as_segmenter.")
    names = [str(id2label[key]) for key in sorted(id2label, key=int)]
    names = [part if names.count(part) == 1 else f"{part} ({i})" for i, part in enumerate(names)]
    prepare = None if processor is None else _preparation(processor)
    return ForeignSegmenter(model, names, prepare=prepare, name=name)


def _preparation(processor: Any) -> Callable[[Tensor], Tensor]:
    """Read how pictures in [-1, 1] become what a model takes: scaled to [0, 1], resized, normalised."""
    mean, std = (getattr(processor, key, None) or [0.5] * 3 for key in ("image_mean", "image_std"))
    asked = getattr(processor, "size", None) or {}
    height = asked.get("height") or asked.get("shortest_edge")
    width = asked.get("width") or asked.get("shortest_edge")

    def prepare(images: Tensor) -> Tensor:
        x = (images + 1) / 2
        if height and width:
            x = F.interpolate(x, (height, width), mode="bilinear", align_corners=False, antialias=True)
        centre, spread = (torch.as_tensor(v, device=x.device, dtype=x.dtype)[:, None, None] for v in (mean, std))
        return (x - centre) / spread

    return prepare


def as_segmenter(source: Any, names: Iterable[str] | None = None) -> Segmenter:
    """Make anything that says where parts are a :class:`Segmenter`.

    Args:
        source: A segmenter, which is returned as it is; a mask, see :class:`FixedMask`; a network or function, see
            :class:`ForeignSegmenter`; a model of transformers, see :func:`transformers_segmenter`.
        names: One name for each label; a network or function needs them.

    Returns:
        The segmenter.

    Raises:
        TypeError: If ``source`` is none of these, or its names are missing.

    Example:
        >>> bright = as_segmenter(lambda images: (images.mean(1) > 0).long(), names=("background", "bright"))
        >>> bright(torch.ones(1, 3, 1, 2))
        tensor([[[1, 1]]])
    """
    if isinstance(source, Segmenter):
        if names is not None and tuple(names) != source.names:
            raise TypeError(f"names must be left out for a segmenter, which has its own: {', '.join(source.names)}.")
        return source
    if isinstance(source, Mask | Tensor | np.ndarray | Image):
        return FixedMask(source) if names is None else FixedMask(source, names)
    if not callable(source):
        raise TypeError(
            f"a segmenter must be a Segmenter, a network, a function or a mask, got {type(source).__name__}. "
            "Use load_segmenter('faces64')."
        )
    if names is None and getattr(getattr(source, "config", None), "id2label", None):
        return transformers_segmenter(source)
    if names is None:
        label = getattr(source, "__name__", type(source).__name__)
        raise TypeError(
            f"names must be given for {label}, one for each label, got none. Use names=('background', ...)."
        )
    return ForeignSegmenter(source, names)
