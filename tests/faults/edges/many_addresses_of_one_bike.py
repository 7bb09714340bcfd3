"""Edges 10: one bike is asked for with a sign, spaces, leading zeros, underscores and digits of
other scripts in its number; measured is the status of each; the fault is any answer but 404.
"""

from urllib.parse import quote

from tests.faults.outcome import Checks, Outcome, run
from tests.faults.people import admin, new_bike, open_shop


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    checks = Checks()
    with open_shop() as shop:
        number, staff = new_bike(shop, 1), admin(shop)
        tag = staff.ask("GET", f"/stocks/{number}").headers["etag"]
        for label, path in spellings(str(number)).items():
            status = staff.ask("GET", f"/stocks/{path}").status
            checks.check(f"GET /stocks/{path} ({label})", status, right=status == 404)
        edited = staff.ask("PATCH", f"/stocks/+{number}", {"brand": "x"}, If_Match=tag).status
        checks.check("an edit by such an address", edited, right=edited == 404)
    return checks.outcome


def spellings(digits: str) -> dict[str, str]:
    """Return the number as other clients may write it, by what is odd about it."""
    return {
        "leading zero": f"0{digits}",
        "plus": f"+{digits}",
        "escaped plus": f"%2B{digits}",
        "space before": f"%20{digits}",
        "space behind": f"{digits}%20",
        "underscore": f"{digits[0]}_{digits[1:]}" if digits[1:] else f"0_{digits}",
        "full-width digits": quote(in_script(digits, "０")),
        "Arabic digits": quote(in_script(digits, "٠")),
    }


def in_script(digits: str, zero: str) -> str:
    return "".join(chr(ord(zero) + int(digit)) for digit in digits)


if __name__ == "__main__":
    raise SystemExit(main())
