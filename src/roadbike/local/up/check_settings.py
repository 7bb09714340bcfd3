"""The settings of all services are checked together, before any of them is started."""

from roadbike.local import services
from roadbike.local.supervisor.part import Call
from roadbike.local.texts import language
from roadbike.local.up.options import Options


def job(options: Options) -> Call:
    """Return the job that fails with one line for each wrong setting."""
    environs = {
        spec.package: services.environment(options.home, options.ports, options.environ, spec)
        for spec in options.specs
    }
    return Call(
        function="roadbike.local.jobs.settings:check",
        arguments={"environs": environs, "language": language(options.environ)},
    )
