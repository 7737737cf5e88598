"""sormctl: check and repair a language model's reasoning with its own samples."""

__version__ = "0.2.0"
