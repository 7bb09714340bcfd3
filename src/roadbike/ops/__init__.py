"""Commands that use the whole shop from outside, or work on a service's data: demo and rebuild."""
