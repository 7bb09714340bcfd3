"""What `roadbike up` prints when the shop is open."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from roadbike.local import home as homes
from roadbike.local import shop_file
from roadbike.local.invocation import command_line
from roadbike.local.up import summary
from tests.local.shop_files import a_shop_file


def test_commands_to_try_can_be_copied(tmp_path: Path) -> None:
    home = homes.at(tmp_path / ("a-long-name" * 9))
    home.path.mkdir()
    gateway = "http://127.0.0.1:65500"
    shop_file.write(home, a_shop_file(addresses={"gateway": gateway}))
    to = StringIO()

    summary.show(home, Console(file=to, width=80))

    lines = to.getvalue().splitlines()
    boxed, tried = lines[: lines.index("Try next:")], lines[lines.index("Try next:") + 1 :]
    assert all(len(line) <= 80 for line in boxed)
    assert tried == [
        f"curl {gateway}/stocks",
        f'AUTH="Authorization: Bearer $({command_line("token buyer", home)})"',
        f"""curl -H "$AUTH" --json '{{"bikeId": 1}}' {gateway}/reservations""",
        command_line("status", home),
        command_line("down", home),
    ]
    assert len(tried[2]) <= 80
