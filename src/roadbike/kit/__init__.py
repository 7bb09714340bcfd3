"""What every service stands on and none of them is about. Knows no bikes."""
