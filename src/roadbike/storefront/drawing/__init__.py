"""Drawings of road bikes to scale, as SVG text."""

from roadbike.storefront.drawing.bike import draw
from roadbike.storefront.drawing.shapes import KINDS

__all__ = ["KINDS", "draw"]
