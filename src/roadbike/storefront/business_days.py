"""Working days in Korea: until when a parcel has to leave the shop.

Weekends and the public holidays below are no working days. The holidays are those of the
"Regulations on Holidays of Public Offices" (관공서의 공휴일에 관한 규정) and of the Act on Public
Holidays, with substitute holidays, 1 May and 17 July; those that fall on a weekend are left out.
Sources: the almanacs of the Korea Astronomy and Space Science Institute (월력요항) for the lunar
ones, and the package `holidays` 0.109 (KR), with which the table was compared on 2026-11-27.
A holiday that the government adds for one day (임시공휴일) has to be added here.
"""

from datetime import date, timedelta
from typing import Final

SATURDAY: Final = 5
DAYS: Final[dict[int, tuple[tuple[int, ...], ...]]] = {  # year: the days of January, February, …
    2026: (
        *((1,), (16, 17, 18), (2,), (), (1, 5, 25), (3,), (17,), (17,), (24, 25), (5, 9)),
        *((), (25,)),
    ),
    2027: (
        *((1,), (8, 9), (1,), (), (3, 5, 13), (), (19,), (16,), (14, 15, 16), (4, 11)),
        *((), (27,)),
    ),
    2028: (
        *((26, 27, 28), (), (1,), (12,), (1, 2, 5), (6,), (17,), (15,), (), (2, 3, 4, 5, 9)),
        *((), (25,)),
    ),
}
HOLIDAYS: Final = frozenset(
    date(year, month, day)
    for year, months in DAYS.items()
    for month, days in enumerate(months, start=1)
    for day in days
)
KNOWN_UNTIL: Final = date(max(DAYS), 12, 31)
NOTICE_DAYS: Final = 60  # before the table ends, when the page says so


def is_working_day(day: date) -> bool:
    """Return whether parcels leave the shop on that day."""
    return day.weekday() < SATURDAY and day not in HOLIDAYS


def working_days_after(day: date, count: int) -> date | None:
    """Return the working day that comes so many after the day; None after the table's end."""
    while count > 0:
        day += timedelta(days=1)
        if day > KNOWN_UNTIL:
            return None
        count -= is_working_day(day)
    return day


def working_days_left(today: date, due: date) -> int:
    """Return how many working days there are after today up to `due`; negative when it is past."""
    if due < today:
        return -working_days_left(due, today)
    days = (today + timedelta(days=n) for n in range(1, (due - today).days + 1))
    return sum(is_working_day(day) for day in days)


def ends_soon(today: date) -> bool:
    """Return whether the table has to be continued."""
    return today > KNOWN_UNTIL - timedelta(days=NOTICE_DAYS)
