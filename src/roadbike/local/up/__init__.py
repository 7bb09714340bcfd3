"""`roadbike up`: open the shop on this machine, show its progress, keep it open."""
