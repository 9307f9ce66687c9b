"""DP-LaSE's objectives written as in the paper and as its program computes them: loops over codes and directions."""

import math

import numpy as np
import torch

NU, STEP, FLOOR = 1e-3, 1e-3, 1e-12  # of F, which are ours


def beginning(d, k, n, seed=0):
    """What a run without F draws: directions, the codes that features are scaled by, and its first batch."""
    rng = torch.Generator("cpu").manual_seed(seed)
    rows = torch.randn(k, d, generator=rng, dtype=torch.float64)
    scaling = torch.randn(32, d, generator=rng).double()
    z = torch.randn(n, d, generator=rng).double()
    return rows, scaling, z, rng


def gram_schmidt(rows):
    """Take from every row what is along those before it, one after the other."""
    rows = [row.clone() for row in rows]
    for i in range(len(rows)):
        for j in range(i + 1, len(rows)):
            rows[j] = rows[j] - (rows[i] @ rows[j]) / (rows[i] @ rows[i]) * rows[i]
    return torch.stack(rows)


def released_loss(features, rows, z, ids, t, weights):
    """The loss of the released program for StyleGAN2: weights of what it calls positive, negative and orthogonal."""
    unit = [row / row.square().sum().sqrt() for row in rows]
    positive, cosines = 0.0, []
    for i in range(len(z)):
        f, changes = features(z[i]), []
        for which in ids[i]:
            moved = z[i] + t[i] * unit[which]
            moved = z[i].square().sum().sqrt() * moved / moved.square().sum().sqrt()
            changes.append(features(moved) - f)
        positive += sum(float(change.square().mean()) for change in changes) / len(z)
        if ids[i][0] != ids[i][1]:
            a, b = (change / change.square().sum().sqrt() for change in changes)
            cosines.append(float(a @ b) ** 2)
    k = len(rows)
    gaps = [(float(unit[i] @ unit[j]) - (i == j)) ** 2 for i in range(k) for j in range(k)]
    orthogonal = sum(gaps) / k**2
    return -weights[0] * positive + weights[1] * sum(cosines) / len(cosines) + weights[2] * orthogonal


def slope(cdf, t):
    """The difference quotient of equation 3, in standard deviations."""
    u = (np.asarray(t) - float(cdf.shift)) / float(cdf.spread)

    def value(u):
        x = u[:, None]
        for layer in cdf.hidden:
            x = np.tanh(x @ layer.weight.detach().numpy().T + layer.bias.detach().numpy())
        return 1 / (1 + np.exp(-(x @ cdf.last.weight.detach().numpy().T + cdf.last.bias.detach().numpy())[:, 0]))

    return (value(u + STEP) - value(u)) / STEP


def corrected(network, z, e, g):
    """The hourglass on (z0, e, g)."""
    x = np.concatenate([z, [e], g])
    *blocks, head = network
    for block in blocks:
        y = block[0].weight.detach().numpy() @ x + block[0].bias.detach().numpy()
        x = y / (1 + np.exp(-y))
    return head.weight.detach().numpy() @ x + head.bias.detach().numpy()


def equations(features, cdf, network, rows, z, strides):
    """Equations 4 to 10 of a batch, for directions of length one."""
    z, strides = z.numpy(), strides.numpy()
    unit = [(row / math.sqrt(sum(x**2 for x in row))).numpy() for row in rows]
    terms = {"mon": 0.0, "lik": 0.0, "den": 0.0, "var": 0.0, "pair": 0.0}
    logs = lambda x: np.log(np.maximum(slope(cdf, x), FLOOR)) - math.log(float(cdf.spread))  # noqa: E731
    changes = [[] for _ in unit]
    for i in range(len(z)):
        terms["mon"] += sum(max(0.0, NU - s) for s in slope(cdf, z[i]))
        terms["lik"] -= sum(logs(z[i]))
        for j, g in enumerate(unit):
            moved = z[i] + strides[i] * g + corrected(network, z[i], strides[i], g)
            terms["den"] += (sum(logs(z[i])) - sum(logs(moved))) ** 2
            changes[j].append((features(torch.from_numpy(z[i])) - features(torch.from_numpy(moved))).numpy())
    D = [np.stack(rows) for rows in changes]  # each (n, p)
    for j in range(len(D)):
        terms["var"] -= np.linalg.norm(D[j], "fro") ** 2
        terms["pair"] += sum(np.linalg.norm(D[j].T @ D[h], "fro") ** 2 for h in range(len(D)) if h != j)
    gram = np.stack(unit) @ np.stack(unit).T
    return terms | {"reg": np.linalg.norm(gram - np.eye(len(unit)), "fro") ** 2}
