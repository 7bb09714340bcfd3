"""Everything that the services share and that is independent of what they sell."""
