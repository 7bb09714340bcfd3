"""Delivery: sends paid bikes to their buyers, and alone decides whether a bike may still leave."""
