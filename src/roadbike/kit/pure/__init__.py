"""Events, lifecycles and refusals: all that a domain may import of kit.

The modules import the standard library and msgspec only.
"""
