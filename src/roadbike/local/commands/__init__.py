"""The commands of `roadbike` that look at a running shop, one file each."""
