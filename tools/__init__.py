"""Tools of the developers, which the shop does not need to run."""
