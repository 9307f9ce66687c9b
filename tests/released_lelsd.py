"""The objective of the released LELSD program for one picture, written out from its description."""

import torch


def corners_on_corners(old, new):
    """The matrix that interpolates `old` samples at `new` places, first on first and last on last."""
    weights = torch.zeros(new, old, dtype=torch.float64)
    for i in range(new):
        place = i * (old - 1) / (new - 1)
        low = min(int(place), old - 2)
        weights[i, low], weights[i, low + 1] = low + 1 - place, place - low
    return weights


def share_of_the_program(before, after, mask):
    """Its mean over layers for one picture, layer by layer from the last; `mask` (H, W), features (C, h, w)."""
    now, total = mask, 0.0
    for old, new in zip(reversed(before), reversed(after), strict=True):
        h, w = old.shape[1:]
        if (h, w) == tuple(mask.shape):
            now = mask
        elif (h, w) != tuple(now.shape):
            now = corners_on_corners(now.shape[0], h) @ now @ corners_on_corners(now.shape[1], w).T
        change = ((new - old) ** 2).mean(0)
        total = total + (change * now).sum() / (change.sum() + 1e-6)
    return total / len(before)


def correlations(vectors):
    """Those of each row of `w+`, or of the one row there is: (rows, k, k)."""
    rows = vectors.movedim(1, 0) if vectors.ndim == 3 else vectors[None]
    return torch.stack([torch.corrcoef(torch.cat([row, -row], 1)) for row in rows])  # of mean zero: cosines


def bright(images):
    """Labels of a part that moves with the edit."""
    return (images[:, 0] > images[:, 1]).long()
