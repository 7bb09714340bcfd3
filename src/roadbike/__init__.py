"""An online road-bike shop made of small event-driven services."""
