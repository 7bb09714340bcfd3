"""Delivery: what is paid for gets to its buyer. It alone judges whether a bike may still leave."""
