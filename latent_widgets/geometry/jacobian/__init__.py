"""The derivative of a generator as an operator: products, singular values, ranks."""

from latent_widgets.geometry.jacobian.operator import JacobianOperator

__all__ = ["JacobianOperator"]
