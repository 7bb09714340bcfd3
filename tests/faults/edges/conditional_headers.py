"""Edges 11: edits and reads are sent with If-Match and If-None-Match in the forms of RFC 9110,
13.1; measured is the status of each; the fault is a status that the RFC does not give.
"""

from typing import Final

from tests.faults.outcome import Checks, Outcome, run
from tests.faults.people import Person, admin, connect, new_bike, open_shop

OLD: Final = '"99999"'
BODY: Final = b'{"brand":"zz"}'


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    checks = Checks()
    with open_shop() as shop:
        staff = admin(shop)
        path = f"/stocks/{new_bike(shop, 1)}"
        check_edits(checks, staff, path)
        second = in_the_second_line(staff, path)
        checks.check("the current tag in the second of two lines", second, right=second == 200)
        check_reads(checks, staff, path)
    return checks.outcome


def check_edits(checks: Checks, staff: Person, path: str) -> None:
    for what, wanted, headers in (
        ("If-Match: *", 200, {"If_Match": "*"}),
        ("If-Match: a list with the current tag", 200, {"If_Match": f"{OLD}, {{tag}}"}),
        ("If-Match: a weak tag", 412, {"If_Match": "W/{tag}"}),
        ("If-Match: an old tag", 412, {"If_Match": OLD}),
        ("If-None-Match: *", 412, {"If_Match": "{tag}", "If_None_Match": "*"}),
    ):
        now = tag(staff, path)
        sent = {name: value.replace("{tag}", now) for name, value in headers.items()}
        status = staff.ask("PATCH", path, {"brand": f"for {what}"[:40]}, **sent).status
        checks.check(f"an edit with {what}", f"{status}, right: {wanted}", right=status == wanted)


def check_reads(checks: Checks, staff: Person, path: str) -> None:
    now = tag(staff, path)
    for sent in (now, f"W/{now}", "*", f'"x", {now}'):
        status = staff.ask("GET", path, If_None_Match=sent).status
        what = f"GET with If-None-Match: {sent}"
        checks.check(what, f"{status}, right: 304", right=status == 304)


def in_the_second_line(staff: Person, path: str) -> int:
    """Send If-Match twice, the current tag in the second line; return the status."""
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {staff.token}\r\n"
        f"Content-Type: application/json\r\nIf-Match: {OLD}\r\nIf-Match: {tag(staff, path)}\r\n"
        f"Content-Length: {len(BODY)}\r\nConnection: close\r\n\r\n"
    )
    with connect(staff.shop) as line:
        line.sendall(head.encode() + BODY)
        return int(line.makefile("rb").readline().split()[1])


def tag(staff: Person, path: str) -> str:
    return staff.ask("GET", path).headers["etag"]


if __name__ == "__main__":
    raise SystemExit(main())
