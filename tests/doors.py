"""Every way in for pictures, and every way in for masks."""

import numpy as np
import torch

import latent_widgets as lw
from latent_widgets.classifier import load_classifier
from latent_widgets.geometry.effects.part_masks import PartMasks
from latent_widgets.geometry.effects.pyramid import lap1
from latent_widgets.geometry.regions.spectra import as_weights
from latent_widgets.regressor import FactorRegressor
from latent_widgets.segmentation.overlay import overlay

H, W = 8, 12  # of the masks


class Grey(lw.Segmenter):
    """Tells dark from bright."""

    def _labels(self, images, codes, space, features):
        return images.mean(1).gt(0).long()


def _inverted(x):
    x = x[:1].repeat(1, 1, 4, 3)[..., :32, :32]
    return lw.invert(lw.load("digits32"), x, steps=1, samples=2, starts=1)


# What takes pictures (2, 3, 10, 14), and what it calls them.
PICTURE_DOORS = {
    "invert": ("image", _inverted),
    "fit_glo": ("images", lambda x: lw.fit_glo(x.repeat(1, 1, 2, 2)[..., :16, :16], 2, 1, resolution=16)),
    "segmenter": ("images", lambda x: Grey(["dark", "bright"])(x)),
    "function": ("images", lambda x: lw.as_segmenter(lambda y: y.mean(1).gt(0).long(), ("dark", "bright"))(x)),
    "painted": ("images", lambda x: lw.as_segmenter(np.eye(10, 14)).mask(x, 1)),
    "shipped": ("images", lambda x: lw.load_segmenter()(x)),
    "overlay": ("images", lambda x: overlay(x, torch.zeros(2, 10, 14, dtype=torch.long))),
    "regressor": ("images", lambda x: FactorRegressor().eval()(x)),
    "classifier": ("images", lambda x: load_classifier()(x)),
    "lap1": ("b", lambda x: lap1(torch.zeros(2, 3, 10, 14), x, 1)),
    "painter": ("image", lambda x: lw.MaskPainter(x[:1]).close()),
}


def _painted(mask):
    widget = lw.MaskPainter(np.zeros((H, W, 3), np.uint8), parts={"part": mask})
    try:
        widget.mask = mask
        widget.add("other", mask)
        found = np.asarray(widget.regions["region"])
        assert np.array_equal(found, np.asarray(widget.regions["other"]))
        widget.clear()
        widget.take("part")
        assert np.array_equal(widget.model.mask, found)
    finally:
        widget.close()
    return found


def _rows(mask):
    x = torch.ones(2, dtype=torch.float64)
    J = lw.JacobianOperator(lambda v: v.sum() * torch.ones(1, H, W, dtype=torch.float64), x, mask=mask)
    return J.dense()[:, 0].reshape(H, W).square()  # rows are multiplied by the roots of weights


# What takes masks, and gives their weights.
MASK_DOORS = {
    "Mask": lambda mask: lw.Mask(mask).tensor,
    "painter": _painted,
    "operator": _rows,
    "regions": lambda mask: as_weights(mask, H, W),
    "parts": lambda mask: PartMasks.of(lw.load("digits32"), mask, "digit").fixed,
    "segmenter": lambda mask: lw.as_segmenter(mask).mask(torch.zeros(1, 3, H, W), 1)[0],
}
