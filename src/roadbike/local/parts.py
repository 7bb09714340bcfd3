"""All processes of a shop as parts: how each is run, what it is given, what it waits for."""

from collections.abc import Mapping
from dataclasses import replace

from roadbike.kit.pure.rooms import CONNECTIONS_PER_PROCESS
from roadbike.local import services
from roadbike.local.home import Home, passwords
from roadbike.local.ports import Ports
from roadbike.local.replicas import Replicas
from roadbike.local.servers import AUDIT, kafka, nats, postgres, traefik
from roadbike.local.servers.nats import SET_UP
from roadbike.local.services import ServiceSpec
from roadbike.local.supervisor import probes, watchdog
from roadbike.local.supervisor.part import Call, Part
from roadbike.local.users import User


def all_parts(
    home: Home,
    ports: Ports,
    environ: Mapping[str, str],
    specs: tuple[ServiceSpec, ...],
    user: User | None = None,
    counts: Mapping[str, int] = services.ONCE,
) -> tuple[Part, ...]:
    """Return every part.

    environ: the environment of the `roadbike up` command.
    user: the user that the parts run as; None for our own.
    counts: how many processes each service has that does not have one.
    """
    made = services.replicas_of(specs, ports, counts)
    limits = {
        spec.name: postgres.connection_limit(CONNECTIONS_PER_PROCESS, len(made[spec.name]))
        for spec in specs
        if services.uses_own_postgres(spec, environ)
    }
    seconds = watchdog.hang_seconds(environ)
    parts = (
        *_postgres(home, ports, environ, limits),
        *_broker(home, ports, environ, specs, user),
        set_up_part(home, ports, environ, specs, user),
        *(part for spec in specs for part in service_parts(home, ports, environ, spec, made, user)),
        traefik.part(
            home,
            ports,
            environ,
            {service: list(parts.values()) for service, parts in made.items()},
            services.gateway_key(home),
            user,
        ),
    )
    return tuple(replace(part, hang_seconds=seconds) for part in parts)


def _postgres(
    home: Home, ports: Ports, environ: Mapping[str, str], limits: Mapping[str, int]
) -> tuple[Part, ...]:
    """Return the PostgreSQL server as a part, unless every database is outside of the shop."""
    if not limits:
        return ()
    roles = [postgres.SUPERUSER, AUDIT, *limits, *map(postgres.owner_of, limits)]
    given = passwords(home, "postgres", roles)
    return (postgres.part(home, ports.postgres, environ, given, limits),)


def _broker(
    home: Home,
    ports: Ports,
    environ: Mapping[str, str],
    specs: tuple[ServiceSpec, ...],
    user: User | None,
) -> tuple[Part, ...]:
    """Return the broker as a part, unless one runs outside of the shop."""
    if kafka.url(environ):
        return ()
    return (nats.part(home, ports.nats, environ, broker_rights(home, specs), user),)


def broker_rights(home: Home, specs: tuple[ServiceSpec, ...]) -> nats.Rights:
    names = [spec.name for spec in specs]
    return nats.Rights(
        passwords=passwords(home, "nats", [*names, SET_UP, AUDIT]),
        publishes={spec.name: spec.topic for spec in specs},
        consumes={spec.name: spec.reads for spec in specs},
        groups=services.topics(specs),
    )


def set_up_part(
    home: Home,
    ports: Ports,
    environ: Mapping[str, str],
    specs: tuple[ServiceSpec, ...],
    user: User | None = None,
) -> Part:
    """Return the process that makes topics and groups, and keeps making what is missing."""
    return Part(
        name=SET_UP,
        port=ports.set_up,
        runs=Call(
            function="roadbike.local.jobs.broker:keep_set_up",
            arguments={
                "url": services.broker_url(home, ports, SET_UP, environ),
                "topics": services.topics(specs),
                "ack_wait": services.ACK_WAIT_SECONDS,
                # on one machine there is one copy of everything
                "kafka": kafka.making(environ, copies=1) if kafka.url(environ) else None,
            },
            user=user.ids if user else None,
        ),
        is_ready=probes.http(ports.set_up),
        is_live=probes.http_life(ports.set_up),
        needs=_needed_broker(environ),
    )


def service_parts(
    home: Home,
    ports: Ports,
    environ: Mapping[str, str],
    spec: ServiceSpec,
    made: Replicas,
    user: User | None = None,
) -> list[Part]:
    """Return one part for each replica; they have one migration in common."""
    settings = services.environment(home, ports, environ, spec, made)
    owner = services.owner_url(home, ports, spec, environ)
    parts = made[spec.name].items()
    processes = {"ROADBIKE_REPLICAS": str(len(parts))}
    return [
        service_part(
            settings | {"ROADBIKE_PORT": str(port), "ROADBIKE_REPLICA": part} | processes,
            owner,
            spec,
            part,
            port,
            needs=_needs(spec, environ),
            user=user,
        )
        for part, port in parts
    ]


def service_part(
    settings: Mapping[str, str],
    owner: str,
    spec: ServiceSpec,
    name: str,
    port: int,
    *,
    needs: tuple[str, ...],
    user: User | None = None,
) -> Part:
    """`owner` is the URL of the database for the role that migrates it."""
    ids = user.ids if user else None
    return Part(
        name=name,
        port=port,
        runs=Call(
            function=spec.serve,
            arguments={"app_module": f"{spec.package}.app", "environ": dict(settings)},
            user=ids,
        ),
        prepare=Call(
            function=spec.migrate,
            arguments={
                "package": spec.package,
                "database_url": owner,
            },
            user=ids,
        ),
        is_ready=probes.http(port),
        is_live=probes.http_life(port),
        needs=needs,
    )


def _needs(spec: ServiceSpec, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the parts that a service waits for."""
    database = ("postgres",) if services.uses_own_postgres(spec, environ) else ()
    return (*database, *_needed_broker(environ), SET_UP)


def _needed_broker(environ: Mapping[str, str]) -> tuple[str, ...]:
    return () if kafka.url(environ) else ("nats",)
