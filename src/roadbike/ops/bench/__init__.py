"""`roadbike bench`: how fast the shop is, beside the usual way of writing the same path."""
