"""The commands of `roadbike` that ask a running shop, one file each."""
