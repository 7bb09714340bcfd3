"""Audits the open shop of a home, as its read-only users."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from roadbike.kit.messaging.broker import Broker, connect
from roadbike.local import shop_file
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.servers import AUDIT
from roadbike.local.shop_file import ShopFile
from roadbike.ops import journal
from roadbike.ops.audit.quiet import statuses_of
from roadbike.ops.audit.report import Report
from roadbike.ops.audit.run import Sources, audit

NOT_AUDITED: int = 2  # the exit code when nothing could be checked


async def audit_shop(
    home: Home,
    *,
    after_quiescence: bool = False,
    within: float = 60.0,
    journals: Sequence[Path] = (),
) -> Report:
    """Audit the shop that shop.json in that home describes; parameters as in `run.audit`.

    journals: files that `roadbike.ops.journal` has written.
    Raises CommandError when a database cannot be read, above all because no shop is open.
    """
    shop = shop_file.read_known(home)
    if not shop.auditors:
        raise CommandError("audit-no-users", path=home.path, code=NOT_AUDITED)
    broker = _broker(shop) if after_quiescence else None
    sources = Sources(databases=shop.auditors, statuses=statuses_of(shop), broker=broker)
    try:
        return await audit(
            sources,
            after_quiescence=after_quiescence,
            within=within,
            journal=journal.read(journals),
        )
    except (OSError, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise CommandError("audit-unreadable", reason=reason, code=NOT_AUDITED) from None
    finally:
        if broker is not None:
            await broker.close()


def _broker(shop: ShopFile) -> Broker:
    """Return the connection of the audit's own user."""
    return connect(shop.brokers[AUDIT], AUDIT, ca=shop.broker_ca, mechanism=shop.broker_sasl)
