"""Generators on processors that round otherwise: a batch of one and one of five differ in their last digits."""

import torch


def other_processor(G, units=25.0, seed=0):
    """Let a generator err in a way that depends on codes and batch size, by so many units, root mean square."""

    def rounded(compute):
        def call(*arguments):
            found, codes = compute(*arguments), arguments[0]
            rng = torch.Generator().manual_seed(seed + len(codes) + int(1e6 * codes.detach().abs().sum()))
            if isinstance(found, dict):
                return {name: off(value, rng) for name, value in found.items()}
            return off(found, rng)

        return call

    def off(value, rng):
        error = torch.randn(value.shape, generator=rng, dtype=torch.float64).to(value)
        return value * (1 + units * torch.finfo(value.dtype).eps * error)

    for name in ("_map", "_synthesize", "_features"):
        setattr(G, name, rounded(getattr(G, name)))
    return G


def settings_of_torch():
    """What PyTorch shortens for speed, as it is set in this thread."""
    cuda = torch.backends.cuda
    return (
        torch.backends.mha.get_fastpath_enabled(),
        cuda.flash_sdp_enabled(),
        cuda.mem_efficient_sdp_enabled(),
        cuda.math_sdp_enabled(),
        torch.backends.cudnn.allow_tf32,
        torch.get_float32_matmul_precision(),
        torch.is_autocast_enabled("cpu"),
    )
