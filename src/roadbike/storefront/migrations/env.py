"""How Alembic reaches this service's database: it is handed the connection."""

from alembic import context

from roadbike.kit.db.migrate import run_env

run_env(context.config, context)
