"""chainrule: neural networks for tables that show their work."""

__version__ = "0.1.0"
