"""The supply chain: checks of uv.lock, and the list of components that is made from it."""
