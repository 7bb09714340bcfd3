"""Words, times and amounts as pages show them, in Korean or English."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from roadbike.kit.translations import Language

SEOUL: Final = ZoneInfo("Asia/Seoul")
MONTHS: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
NBSP: Final = "\u00a0"
BOTH: Final = " / "  # between the Korean and the English half of a name
RECENT_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Words:
    """Speaks one language. now: UTC."""

    language: Language
    now: datetime

    def t(self, ko: str, en: str) -> str:
        """Return the text in the page's language."""
        return ko if self.language == "ko" else en

    def half(self, text: str | None) -> str:
        """Return the half of a bilingual text that fits: names are written "한국어 / English"."""
        korean, _, english = (text or "").partition(BOTH)
        return self.t(korean, english or korean)

    def model(self, name: str, brand: str | None) -> str:
        """Return the name of a bike without its brand, which pages show beside it."""
        return self.half(name).removeprefix(f"{self.half(brand)} ") if brand else self.half(name)

    def money(self, krw: int) -> str:
        """Return an amount, for example ₩6,400,000."""
        return f"₩{krw:,}"

    def day(self, moment: datetime) -> str:
        """Return the day in Seoul: "10월 6일", "Oct 6"."""
        local = moment.astimezone(SEOUL)
        month = MONTHS[local.month - 1]
        return self.t(f"{local.month}월{NBSP}{local.day}일", f"{month}{NBSP}{local.day}")

    def clock(self, moment: datetime) -> str:
        """Return the time of day in Seoul, to the minute: "14:04"."""
        return f"{moment.astimezone(SEOUL):%H:%M}"

    def seconds(self, moment: datetime) -> str:
        """Return the time of day in Seoul, to the second: "14:04:19"."""
        return f"{moment.astimezone(SEOUL):%H:%M:%S}"

    def moment(self, moment: datetime) -> str:
        """Return day and time: "10월 6일 14:04"; without the day when it is today."""
        return (
            self.clock(moment)
            if self.is_today(moment)
            else f"{self.day(moment)} {self.clock(moment)}"
        )

    def minute(self, moment: datetime) -> str:
        """Return day and time as a sentence has them: "14시 4분"; with the day unless today."""
        local = moment.astimezone(SEOUL)
        clock = self.t(f"{local.hour}시{NBSP}{local.minute}분", self.clock(moment))
        return clock if self.is_today(moment) else f"{self.day(moment)}{NBSP}{clock}"

    def is_today(self, moment: datetime) -> bool:
        """Return whether the moment is today, in Seoul."""
        return moment.astimezone(SEOUL).date() == self.now.astimezone(SEOUL).date()

    def until(self, text: str) -> str:
        """Return a moment that another service names in ISO 8601, as day and time."""
        return self.moment(datetime.fromisoformat(text))

    def as_of(self, moment: datetime) -> str:
        """Return how old something is: "3초 전 기준", "14:05:07 기준"."""
        age = int((self.now - moment).total_seconds())
        if age < RECENT_SECONDS:
            age = max(age, 0)
            return self.t(f"{age}초 전 기준", f"as of {age} s ago")
        return self.t(f"{self.seconds(moment)} 기준", f"as of {self.seconds(moment)}")


def machine_time(moment: datetime) -> str:
    """Return the value of a `datetime` attribute, with the offset of Seoul."""
    return moment.astimezone(SEOUL).isoformat(timespec="milliseconds")


def short_number(reservation_id: UUID | str) -> str:
    """Return the number that people read out: the last 8 digits of the id, as 81E0-5B7A."""
    digits = str(reservation_id).replace("-", "")[-8:].upper()
    return f"{digits[:4]}-{digits[4:]}"
