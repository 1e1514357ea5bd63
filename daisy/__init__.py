"""Daisy: compose, train, watch, keep and compare hundreds of models."""

__version__ = "0.1.0"
