"""Principal components of a layer, regressed to the latent: by a full decomposition and by least squares."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression


def features(G, layer, codes):
    """The flattened features of a layer, or pictures, as an array ``(n, p)``."""
    space = G.main_space
    found = G.synthesize(codes, space) if layer == "image" else G.features(codes, [layer], space)[layer]
    return found.flatten(1).numpy()


def regressed(rows, latents, k):
    """GANSpace as its program is described, both steps on the same samples: directions, components, linear shares."""
    pca = PCA(svd_solver="full").fit(rows)
    x = pca.transform(rows)[:, :k] / np.sqrt(pca.explained_variance_[:k])
    M = np.linalg.lstsq(x, latents - latents.mean(0), rcond=None)[0]
    shares = [LinearRegression().fit(latents, column).score(latents, column) for column in x.T]
    return M / np.linalg.norm(M, axis=1, keepdims=True), pca, shares
