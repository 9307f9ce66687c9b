"""PyTorch, imported wholly or not at all: one cut short by Ctrl-C cannot be imported again in the same process."""

from latent_widgets.core.imports import import_whole

import_whole("torch")
