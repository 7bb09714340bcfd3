"""The store of the shop, and the day there."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

DEFAULT_STORE: Final = "분당야탑점"  # where bikes are reserved, unless the setting G_STORE names it
SEOUL: Final = ZoneInfo("Asia/Seoul")  # the time zone of the shop: its days begin and end there
SLOW: Final = timedelta(minutes=1)  # what takes longer than this, staff should look at


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Return when the day begins in the shop, and when the next one does, in UTC."""
    begins = datetime.combine(day, time(), SEOUL)
    return begins.astimezone(UTC), (begins + timedelta(days=1)).astimezone(UTC)
