"""Commands that look at the whole shop from outside, as its people and its keepers do."""
