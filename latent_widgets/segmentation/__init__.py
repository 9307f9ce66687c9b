"""Part maps: which pixel belongs to the hair? A built-in segmenter, one fitted to painted examples, and anyone's."""

from latent_widgets.segmentation.adapters import FixedMask, ForeignSegmenter, as_segmenter, transformers_segmenter
from latent_widgets.segmentation.base import Features, Part, Segmenter
from latent_widgets.segmentation.few_shot import FewShotSegmenter, HeldOut, fit_segmenter
from latent_widgets.segmentation.overlay import overlay
from latent_widgets.segmentation.scores import part_iou
from latent_widgets.segmentation.unet import FaceSegmenter, UNet, load_segmenter

__all__ = [
    "FaceSegmenter",
    "Features",
    "FewShotSegmenter",
    "FixedMask",
    "ForeignSegmenter",
    "HeldOut",
    "Part",
    "Segmenter",
    "UNet",
    "as_segmenter",
    "fit_segmenter",
    "load_segmenter",
    "overlay",
    "part_iou",
    "transformers_segmenter",
]
