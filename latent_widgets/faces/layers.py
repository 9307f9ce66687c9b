"""The drawing behind :mod:`latent_widgets.faces`: signed distances and colours of every layer of a face.

Lengths are in units of the picture's half width, y points down. Every formula is smooth in the factors, or has a kink
only on a set of pixels of measure zero; square roots and powers are kept away from zero so that forward mode stays
finite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

PARTS: tuple[str, ...] = ("background", "clothes", "skin", "hair", "brows", "eyes", "nose", "mouth", "beard", "glasses")
LAYER_NAMES: tuple[str, ...] = (
    "back hair", "neck", "clothes", "collar", "ears", "face", "beard", "nose", "nostrils", "lips", "mouth", "tongue",
    "teeth", "eyelids", "eyeballs", "irises", "pupils", "glints", "lashes", "brows", "temples", "side hair", "fringe",
    "lenses", "frame",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Layer:
    """One painted layer: ``coverage`` (n, H, W), ``colour`` that broadcasts to (n, 3, H, W), and its part."""

    coverage: Tensor
    colour: Tensor
    part: str | None


@dataclass(frozen=True, eq=False)
class Scene:
    """All that is needed to composite: the ground, the layers from back to front, the shading maps (n, 2, H, W)."""

    ground: Tensor
    layers: list[Layer]
    shading: Tensor


def ellipse(x: Tensor, y: Tensor, a: Tensor | float, b: Tensor | float) -> Tensor:
    """Approximate signed distance to the ellipse with half axes ``a`` and ``b`` (exact on the axes of a circle)."""
    a, b = torch.as_tensor(a, dtype=x.dtype, device=x.device), torch.as_tensor(b, dtype=x.dtype, device=x.device)
    return (((x / a) ** 2 + (y / b) ** 2 + 1e-6).sqrt() - 1) * torch.minimum(a, b)


def smooth_min(a: Tensor, b: Tensor, k: float) -> Tensor:
    """The union of two shapes, rounded where they meet over a length ``k``."""
    return -k * torch.logaddexp(-a / k, -b / k)


def smooth_max(a: Tensor, b: Tensor, k: float) -> Tensor:
    """The intersection of two shapes, rounded over a length ``k``."""
    return -smooth_min(-a, -b, k)


def arch(q: Tensor) -> Tensor:
    """A parabola of height one over [-1, 1] that runs out in a small constant: its square root is smooth."""
    return (1 - q * q).clamp(min=1e-3)


def palette(hue: Tensor, saturation: Tensor | float, value: Tensor | float) -> Tensor:
    """A colour wheel without kinks: ``(n, 1, 1)`` numbers to ``(n, 3, 1, 1)`` RGB in [0, 1]."""
    wheel = [0.5 - 0.5 * torch.cos(2 * math.pi * (hue - phase)) for phase in (0.0, 1 / 3, 2 / 3)]
    return torch.stack([value * (1 - saturation * channel) for channel in wheel], 1)


def build(c: dict[str, Tensor], size: int, zoom: float) -> Scene:
    """Lay out all layers of the faces whose factors are ``c`` (each (n, 1, 1)) on a ``size`` x ``size`` grid."""
    any_factor = c["yaw"]
    device, dtype = any_factor.device, any_factor.dtype
    ticks = ((torch.arange(size, device=device, dtype=dtype) + 0.5) / size * 2 - 1) / zoom
    y0, x0 = torch.meshgrid(ticks - 0.02 + 0.06 / zoom, ticks, indexing="ij")
    zero = torch.zeros_like(any_factor)
    x0, y0 = x0 + zero, y0 + zero  # (n, H, W)
    pixel = 2.0 / size / zoom

    def cover(distance: Tensor, opacity: Tensor | float = 1.0) -> Tensor:
        return torch.sigmoid(-distance / (0.42 * pixel)) * opacity

    def rgb(*channels: Tensor | float) -> Tensor:
        return torch.stack([zero + channel for channel in channels], 1)  # (n, 3, 1, 1)

    # ---- where the head is: rotate about the neck, then shift each feature by its depth (2.5-D parallax)
    roll = 0.16 * c["roll"]
    xh, yh = x0 - 0.05 * c["yaw"], y0 - 0.02 - 0.03 * c["pitch"] - 0.35
    x = xh * torch.cos(roll) + yh * torch.sin(roll)
    y = -xh * torch.sin(roll) + yh * torch.cos(roll) + 0.35
    yaw, pitch = 0.46 * c["yaw"], 0.30 * c["pitch"]
    facing = torch.cos(yaw)

    def dx(depth: float) -> Tensor:
        return 0.50 * depth * torch.sin(yaw)

    def dy(depth: float) -> Tensor:
        return 0.35 * depth * torch.sin(pitch)

    # ---- colours
    s, warm = c["skin_tone"], c["skin_hue"]
    tone = rgb(0.97 - 0.60 * s, 0.80 - 0.57 * s - 0.05 * warm, 0.70 - 0.54 * s - 0.11 * warm)
    blond = c["hair_tone"]
    hair = palette(0.035 + 0.085 * c["hair_hue"], 0.80 - 0.55 * blond, 0.13 + 0.75 * blond)
    ground = palette(c["background_hue"], 0.34, 0.42 + 0.50 * c["background_tone"])
    cloth = palette(c["clothes_hue"], 0.62, 0.32 + 0.55 * c["clothes_tone"])

    # ---- head
    fw, fl = 0.40 + 0.08 * c["face_width"], 0.50 + 0.08 * c["face_length"]
    taper = 1 - (0.32 - 0.26 * c["jaw"]) * (y / fl).clamp(0, 1.2) ** 1.5
    xs = x - dx(0.12)
    face = ellipse(xs / taper, y - dy(0.1), fw, fl)
    ear_x = fw * 0.99 * facing
    ears = torch.minimum(
        ellipse(x + ear_x + dx(0.25), y - 0.02, 0.070, 0.125), ellipse(x - ear_x + dx(0.25), y - 0.02, 0.070, 0.125)
    )
    neck = smooth_max((x0 - dx(0.05)).abs() - 0.185 - 0.10 * (y0 - 0.42).clamp(min=0) ** 1.0, -(y - 0.25), 0.02)
    body = ellipse(x0, y0 - 1.42, 0.98, 0.70)
    collar = torch.maximum((ellipse(x0, y0 - 0.66, 0.30, 0.17)).abs() - 0.022, body - 0.03)
    neckline = torch.maximum(body, -ellipse(x0, y0 - 0.66, 0.30, 0.17))

    # ---- light, on an ellipsoid for the head
    nx, ny = (xs / (fw * 1.15)).clamp(-1, 1), (y / (fl * 1.15)).clamp(-1, 1)
    nz = (1 - nx**2 - ny**2).clamp(min=0.04).sqrt()
    lx = 0.80 * c["light"]
    lambert = (nx * lx - 0.45 * ny + 0.85 * nz) / (lx**2 + 0.45**2 + 0.85**2).sqrt()
    lambert = torch.nn.functional.softplus(lambert * 8) / 8
    skin_light = 0.56 + 0.56 * lambert

    # ---- hair
    wave, volume, length = c["hair_wave"], 0.05 + 0.13 * c["hair_volume"], c["hair_length"]
    curl = 0.038 * wave * torch.sin(16 * y + 3 * torch.sin(7 * x))
    cap = ellipse(x + curl + dx(0.10), y + 0.06, fw + volume, fl * 0.93 + volume)
    end = -0.10 + 1.02 * length  # the height at which the hair ends
    u_side = (x + curl + dx(0.12)) / (fw + volume)
    tips = y - end - 0.06 * (1 - u_side**2) - 0.015 * torch.sin(17 * u_side)
    curtain = smooth_max(u_side.abs() * (fw + volume) - (fw + 0.93 * volume), -0.10 - y, 0.04)
    back = smooth_max(smooth_min(cap, curtain, 0.06), tips, 0.03)
    back = torch.minimum(back, torch.maximum(cap, y + 0.02))  # the crown is always covered
    line = -fl * (0.42 + 0.42 * (1 - c["hairline"])) + dy(0.35)
    u = (x - dx(0.3)) / fw
    skew = u - 0.35 * c["hair_parting"]
    lower = line + 0.14 * c["hair_parting"] * u + 0.20 * (skew**2 + 1e-3) ** 0.8 + 0.03 * wave * torch.sin(22 * u)
    fringe = smooth_max(torch.minimum(cap, face - 0.015), y - lower, 0.012)
    inner_edge = (0.90 - 0.12 * c["hair_volume"]) * fw * facing - (xs + 0.5 * curl).abs()
    side = smooth_max(smooth_max(torch.minimum(cap, curtain), inner_edge + 0.05 * (y + 0.1), 0.02), tips, 0.03)
    side = smooth_max(side, -0.30 - y, 0.02)
    # strands run along the hair: two incommensurate frequencies across it, bent by the wave
    across = u_side * (1.25 - 0.35 * (y + 0.4).clamp(-0.4, 0.6)) + 1.5 * curl
    strands = 0.055 * torch.sin(31 * across + 2.0 * torch.sin(3.1 * y)) + 0.040 * torch.sin(57 * across - 1.7 * y)
    gloss = torch.exp(-((y + 0.36 - 0.30 * u_side**2 + 0.02 * torch.sin(31 * across)) ** 2) / 0.009)
    hair_light = 0.66 + 0.40 * lambert + strands + 0.13 * wave * torch.sin(16 * y + 3 * torch.sin(7 * x)) + 0.20 * gloss
    light = torch.stack([skin_light, hair_light], 1)

    # ---- eyes: an opening between two parabolas under a lid that closes it
    gap, ey = (0.165 + 0.04 * c["eye_gap"]) * facing, -0.06 + dy(0.75)
    es, opened = 0.078 + 0.034 * c["eye_size"], 0.06 + 0.94 * c["eye_open"]
    centres = (dx(0.80) - gap, dx(0.80) + gap)
    lids, balls, irises, pupils, glints, lashes, brows = [], [], [], [], [], [], []
    brow_y, brow_t = ey - 0.135 - 0.06 * c["brow_height"], 0.012 + 0.024 * c["brow_thickness"]
    for cx, side_sign in zip(centres, (-1.0, 1.0), strict=True):
        q = (x - cx) / (es * facing)
        top = ey + es * 0.16 - es * (0.16 + 0.62 * opened) * arch(q) + 0.02 * es * q * side_sign
        bottom = ey + es * 0.16 + es * (0.10 + 0.26 * opened) * arch(q)
        corner = (q.abs() - 1) * es
        ball = smooth_max(smooth_max(top - y, y - bottom, 0.004), corner, 0.004)
        balls.append(ball)
        lids.append(ellipse(x - cx, y - ey + 0.02, es * 1.12 * facing, es * 0.86))
        lashes.append(torch.maximum((y - top).abs() - 0.011 - 0.004 * q * side_sign, (q.abs() - 1.06) * es))
        gx = x - cx - 0.036 * c["gaze"] * facing
        gy = y - ey + 0.08 * es
        irises.append(torch.maximum(ellipse(gx, gy, es * 0.50, es * 0.50), ball))
        pupils.append(torch.maximum(ellipse(gx, gy, es * 0.23, es * 0.23), ball))
        glints.append(torch.maximum(ellipse(gx - 0.016, gy + 0.018, es * 0.13, es * 0.13), ball))
        b = (x - cx) / (es * 1.38 * facing)
        slope = y - brow_y + 0.05 * c["brow_tilt"] * b * side_sign + 0.034 * (1 - b * b)
        brows.append(smooth_max(slope.abs() - brow_t * (1.1 - 0.40 * b * side_sign), (b.abs() - 1) * es, 0.008))

    def both(pair: list[Tensor]) -> Tensor:
        return torch.minimum(pair[0], pair[1])

    # ---- nose
    nl, nw = 0.17 + 0.07 * c["nose_length"], 0.050 + 0.045 * c["nose_width"]
    nose_x, nose_y = dx(1.15), ey + nl + dy(0.5)
    bridge_x = 0.5 * (nose_x + dx(0.8))
    nose = smooth_min(
        ellipse(x - nose_x, y - nose_y, nw, 0.044),
        ellipse(x - bridge_x, y - nose_y + 0.45 * nl, 0.024, nl * 0.52),
        0.03,
    )
    nostrils = torch.minimum(
        ellipse(x - nose_x - 0.52 * nw, y - nose_y - 0.020, 0.017, 0.010),
        ellipse(x - nose_x + 0.52 * nw, y - nose_y - 0.020, 0.017, 0.010),
    )
    ridge = (x - nose_x) / nw
    nose_light = (
        1.06
        + 0.08 * torch.tanh(2 * ridge * c["light"])
        - 0.05 * ridge**2
        - 0.20 * torch.sigmoid((y - nose_y - 0.012) / 0.012)
    )

    # ---- mouth
    mouth_x, mouth_y = dx(0.95), 0.27 + 0.03 * c["face_length"] + dy(0.8)
    mouth_w = (0.135 + 0.035 * c["smile"]) * facing
    q = (x - mouth_x) / mouth_w
    middle = mouth_y - 0.055 * c["smile"] * (q**2 - 0.35)
    gape = 0.075 * c["mouth_open"] * arch(q).sqrt()
    lip_t = (0.013 + 0.026 * c["lips"]) * arch(q).sqrt()
    offset = y - middle - 0.4 * gape
    opening = smooth_max(offset.abs() - gape - 0.003, (q.abs() - 1) * mouth_w, 0.004)
    lips = smooth_max(offset.abs() - gape - lip_t - 0.002, (q.abs() - 1.05) * mouth_w, 0.006)
    teeth = torch.maximum(opening + 0.004, offset + 0.35 * gape)
    tongue = torch.maximum(opening + 0.006, ellipse(x - mouth_x, offset - 1.05 * gape - 0.012, 0.62 * mouth_w, 0.035))
    red = c["lip_red"]
    lip_light = (0.90 + 0.16 * torch.sigmoid(offset / 0.01))[:, None] * skin_light[:, None]
    lip_colour = tone * torch.stack([0.92 + 0.10 * red, 0.72 - 0.36 * red, 0.72 - 0.26 * red], 1)

    # ---- beard and glasses
    from_mouth = ((x - mouth_x) / fw).clamp(-1, 1)
    jawline = y - 0.10 - 0.20 * (1 - (from_mouth**2 + 1e-4).sqrt() + 1e-2) ** 1.5 - dy(0.5)
    reach = (0.02 + 0.16 * c["beard_length"]) * ((y - 0.15) / 0.4).clamp(0, 1)
    beard = smooth_max(face - reach * (0.35 + 0.65 * c["beard"]), -jawline, 0.012)
    stubble = 0.05 * torch.sin(43 * x + 5 * torch.sin(9 * y)) * torch.sin(37 * y + 3 * x)
    gs, power = 0.115 + 0.05 * c["glasses_size"], 2 + 4 * (1 - c["glasses_round"])

    def ring(cx: Tensor) -> Tensor:
        across_lens, down_lens = ((x - cx) / (gs * facing)).abs() + 1e-3, ((y - ey - 0.01) / (gs * 0.85)).abs() + 1e-3
        return ((across_lens**power + down_lens**power) ** (1 / power) - 1) * gs * 0.9

    left, right = centres[0] - 0.06 * gap, centres[1] + 0.06 * gap
    lens = torch.minimum(ring(left), ring(right))
    bridge = torch.maximum(
        (y - ey + 0.01).abs() - 0.010, torch.maximum(left + 0.9 * gs * facing - x, x - right + 0.9 * gs * facing)
    )
    beyond = torch.minimum(right + 0.95 * gs * facing - x, x - left + 0.95 * gs * facing)  # negative outside the lenses
    temples = torch.maximum(torch.maximum((y - ey + 0.02).abs() - 0.009, beyond), (x + dx(0.25)).abs() - ear_x)
    frame = torch.minimum(lens.abs() - 0.013, bridge)

    # ---- paint, back to front
    vignette = (1.06 - 0.10 * (y0 + 1) - 0.12 * (x0**2 + y0**2))[:, None]
    skin_lit, hair_lit = skin_light[:, None], hair_light[:, None]
    cheeks = torch.exp(-((((x - dx(0.7)) ** 2 + 1e-4).sqrt() - 0.23 * facing) ** 2 + (y - 0.13) ** 2) / 0.012)
    skin = tone * skin_lit + cheeks[:, None] * rgb(0.055, -0.012, -0.006)
    chin = torch.exp(-((y - 0.99 * fl) ** 2 + 0.6 * x**2) / 0.02)[
        :, None
    ]  # the shadow that the chin throws on the neck
    folds = (0.94 + 0.10 * torch.exp(-((x0.abs() - 0.34) ** 2) / 0.02) - 0.10 * (y0 - 0.7).clamp(-0.3, 0.5))[:, None]
    one = rgb(1.0, 1.0, 1.0)
    iris = palette(0.07 + 0.55 * c["iris"], 0.62, 0.34 + 0.42 * c["iris"])
    ball_light = (0.99 - 0.30 * torch.sigmoid((ey - 0.35 * es * opened - y) / 0.012))[:, None]
    layers = [
        Layer(cover(back), hair * hair_lit * 0.80, "hair"),
        Layer(cover(neck), tone * (0.80 + 0.10 * lambert[:, None] - 0.20 * chin), "skin"),
        Layer(cover(neckline), cloth * folds, "clothes"),
        Layer(cover(collar), cloth * 0.80, "clothes"),
        Layer(cover(ears), tone * skin_lit * (0.94 - 0.16 * cover(ears + 0.035)[:, None]), "skin"),
        Layer(cover(face), skin, "skin"),
        Layer(cover(beard, 0.97 * c["beard"]), hair * (hair_lit + stubble[:, None]) * 0.90, "beard"),
        Layer(cover(nose - 0.004, 0.90), tone * skin_lit * nose_light[:, None], "nose"),
        Layer(cover(nostrils, 0.75), tone * skin_lit * 0.45, "nose"),
        Layer(cover(lips), lip_colour * lip_light, "mouth"),
        Layer(cover(opening), rgb(0.22, 0.05, 0.06), "mouth"),
        Layer(cover(tongue), rgb(0.72, 0.30, 0.32), "mouth"),
        Layer(cover(teeth, torch.tanh(5 * c["mouth_open"] + 0.02)), rgb(0.95, 0.94, 0.90), "mouth"),
        Layer(cover(both(lids)), tone * skin_lit * (0.82 + 0.10 * torch.sigmoid((y - ey) / 0.03))[:, None], "eyes"),
        Layer(cover(both(balls)), one * ball_light, "eyes"),
        Layer(cover(both(irises)), iris * (0.75 + 0.5 * torch.sigmoid((y - ey) / 0.02))[:, None], "eyes"),
        Layer(cover(both(pupils)), one * 0.04, "eyes"),
        Layer(cover(both(glints), 0.9), one, "eyes"),
        Layer(cover(both(lashes), 0.85), tone * 0.16, "eyes"),
        Layer(cover(both(brows), 0.92), hair * 0.62, "brows"),
        Layer(cover(temples, c["glasses"]), one * 0.07, "glasses"),
        Layer(cover(side), hair * hair_lit, "hair"),
        Layer(cover(fringe), hair * hair_lit, "hair"),
        Layer(cover(lens, 0.14 * c["glasses"]), one * 0.25, None),
        Layer(cover(frame, c["glasses"]), one * 0.07, "glasses"),
    ]
    return Scene(ground * vignette, layers, light)
