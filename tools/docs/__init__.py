"""The documents that are generated from the code: `python -m tools.docs` writes them."""
