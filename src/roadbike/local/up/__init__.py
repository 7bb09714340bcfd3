"""`roadbike up`: open the shop on this machine and report on it."""
