"""Until when a bike has to leave: working days, public holidays, and the end of the table."""

from datetime import date, timedelta

import pytest

from roadbike.storefront.business_days import (
    HOLIDAYS,
    KNOWN_UNTIL,
    ends_soon,
    is_working_day,
    working_days_after,
    working_days_left,
)


@pytest.mark.parametrize(
    ("paid", "due"),
    [
        ("2026-11-27", "2026-12-02"),  # a Friday
        ("2026-12-23", "2026-12-29"),  # Christmas is a Friday
        ("2026-09-22", "2026-09-29"),  # Chuseok, Thursday and Friday
        ("2026-02-13", "2026-02-23"),  # Seollal, Monday to Wednesday
        ("2026-02-27", "2026-03-05"),  # 2 March is the substitute of a Sunday
        ("2027-02-05", "2027-02-12"),  # 9 February is the substitute of Seollal's Sunday
        ("2028-09-29", "2028-10-11"),  # Chuseok meets 3 October: the 5th is the substitute
        ("2026-04-30", "2026-05-07"),  # 1 May, and Children's Day
        ("2026-07-16", "2026-07-22"),  # Constitution Day
    ],
)
def test_a_bike_leaves_within_three_working_days(paid: str, due: str) -> None:
    assert working_days_after(date.fromisoformat(paid), 3) == date.fromisoformat(due)


def test_weekends_are_no_working_days() -> None:
    assert [is_working_day(date(2026, 11, day)) for day in (27, 28, 29, 30)] == [
        *(True, False, False, True)
    ]


@pytest.mark.parametrize("year", [2026, 2027, 2028])
def test_the_table_names_days_that_would_be_working_days(year: int) -> None:
    of_year = sorted(day for day in HOLIDAYS if day.year == year)

    assert len(of_year) >= 12
    assert all(day.weekday() < 5 for day in of_year)
    fixed = [date(year, month, day) for month, day in ((1, 1), (3, 1), (5, 5), (8, 15), (10, 9))]
    assert all(not is_working_day(day) for day in fixed)


def test_the_days_left_are_counted_without_holidays() -> None:
    due = date(2026, 9, 29)

    assert working_days_left(date(2026, 9, 22), due) == 3
    assert working_days_left(date(2026, 9, 26), due) == 2
    assert working_days_left(due, due) == 0
    assert working_days_left(date(2026, 10, 1), due) == -2


def test_after_the_end_of_the_table_no_day_is_promised() -> None:
    assert working_days_after(KNOWN_UNTIL, 1) is None
    assert not ends_soon(KNOWN_UNTIL - timedelta(days=90))
    assert ends_soon(KNOWN_UNTIL - timedelta(days=30))
