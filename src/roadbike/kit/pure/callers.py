"""What services and the one-machine mode both know of callers, in a module that loads quickly."""

from typing import Final

OPERATOR: Final = "ops"  # the name under which an operator's commands call services
IPV6_PREFIX: Final = 64  # bits of an address; one customer has a whole /64
