"""What `roadbike up` was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from roadbike.local.home import Home
from roadbike.local.ports import Ports
from roadbike.local.services import SERVICES, ServiceSpec, all_ports
from roadbike.local.users import User


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Which shop is opened, and how.

    environ: the environment of the command. fresh: delete the shop's data first, after asking
    unless yes is set. detach: return when the shop is open.
    replicas: how many processes each service has that does not have one.
    demo: make the demo users and bikes at the first start.
    user: the user that the parts run as; None for our own.
    """

    home: Home
    ports: Ports
    environ: Mapping[str, str]
    fresh: bool = False
    yes: bool = False
    detach: bool = False
    specs: tuple[ServiceSpec, ...] = SERVICES
    replicas: Mapping[str, int] = field(default_factory=dict)
    demo: bool = True
    user: User | None = None

    @property
    def all_ports(self) -> list[int]:
        """Every port that the shop listens on."""
        return all_ports(self.ports, self.specs, self.replicas)
