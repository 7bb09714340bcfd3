"""Stock: the bikes in the shop, and the units of them held for purchases."""
