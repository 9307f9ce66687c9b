"""What this package does on this machine with this network: one report to read, or to paste into an issue."""

from latent_widgets.doctor.finding import Finding
from latent_widgets.doctor.report import Report, examine, examine_network

__all__ = ["Finding", "Report", "examine", "examine_network"]
