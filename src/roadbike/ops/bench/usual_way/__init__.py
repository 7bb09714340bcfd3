"""The same path as most Python services are written: what `roadbike bench` compares with."""
