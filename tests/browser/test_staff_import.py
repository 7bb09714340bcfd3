"""A table of bikes in a browser: 5,000 rows with errors, the check before, export and again."""

import csv
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.desk import Desk
from tests.browser.staff import Staff
from tests.system.real_shop import Shop

HEAD = ["bikeId", "version", "bikeNm", "price", "stockQty", "onSale"]
FIRST = 100_000
ROWS = 5_000


def file(path: Path, rows: Iterable[Iterable[Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8-sig") as opened:
        csv.writer(opened).writerows([HEAD, *rows])
    return path


def upload(desk: Desk, path: Path) -> None:
    desk.section("재고", "Stock")
    desk.visitor.follow("CSV 가져오기", "Import CSV")
    desk.visitor.page.locator("#file").set_input_files(path)
    desk.visitor.press("확인하기", "Check the file")


@pytest.mark.parametrize("language", ["ko", "en"])
def test_five_thousand_rows_with_errors_change_nothing_until_they_are_right(
    visit: Visit, shop: Shop, staff: Staff, tmp_path: Path, language: Any
) -> None:
    desk = Desk.open(visit, shop, language=language)
    first = FIRST + ROWS * (language == "en")
    # not on sale: the other tests of this shop would wait until all its services know them
    right = [[first + n, "", f"=Table {n}", "1,000,000", 2, "false"] for n in range(ROWS)]
    wrong = [list(row) for row in right]
    wrong[0][3], wrong[ROWS // 2][2], wrong[-1][4] = "free", "", -1

    upload(desk, file(tmp_path / "wrong.csv", wrong))
    desk.visitor.sees_heading("3곳을 고쳐 주세요", "Please correct 3")
    lines = desk.visitor.page.locator("tbody th").all_inner_texts()
    assert lines == ["2", str(ROWS // 2 + 2), str(ROWS + 1)]
    expect(desk.visitor.page.get_by_role("button", name="5,000")).to_have_count(0)

    upload(desk, file(tmp_path / "right.csv", right))
    desk.visitor.sees_heading("이대로 가져올까요?", "Import this file?")
    assert staff.call("GET", f"/stocks/all?q={first}")["found"]["count"] == 0
    desk.visitor.press("5,000종 가져오기", "Import 5,000 bikes")
    desk.sees("새 자전거 5,000종", "5,000 new")
    assert staff.call("GET", f"/stocks/{first}")["bikeNm"] == "=Table 0"


def test_what_is_exported_is_changed_and_imported_again(
    visit: Visit, shop: Shop, staff: Staff, tmp_path: Path
) -> None:
    bike = staff.bike(bikeNm="+82 Road", colour="@red")
    desk = Desk.open(visit, shop)
    desk.visitor.page.locator("#q").fill(str(bike))
    desk.visitor.press("찾기", "Find")
    with desk.visitor.page.expect_download() as download:
        desk.visitor.follow("CSV 내보내기", "Export CSV")
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    [row] = csv.DictReader(StringIO(text))
    assert (row["bikeNm"], row["colour"]) == ("'+82 Road", "'@red")
    changed = tmp_path / "changed.csv"
    with changed.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, list(row))
        writer.writeheader()
        writer.writerow(row | {"stockQty": "9"})

    upload(desk, changed)
    desk.visitor.press("1종 가져오기", "Import 1 bikes")
    desk.sees("변경 1종", "")
    saved = staff.call("GET", f"/stocks/{bike}")
    assert (saved["bikeNm"], saved["colour"], saved["stockQty"]) == ("+82 Road", "@red", 9)

    upload(desk, changed)
    desk.visitor.sees_heading("1곳을 고쳐 주세요", "Please correct 1")
    desk.sees("다른 직원이 이 자전거를 바꿨습니다", "")


def test_no_file_an_empty_one_and_one_that_is_no_table_are_refused(
    visit: Visit, shop: Shop, tmp_path: Path
) -> None:
    desk = Desk.open(visit, shop)
    desk.section("재고", "Stock")
    desk.visitor.follow("CSV 가져오기", "Import CSV")
    desk.visitor.press("확인하기", "Check the file")
    desk.sees("파일을 골라 주세요", "")
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")

    upload(desk, picture)

    desk.sees("아무것도 바뀌지 않았습니다", "")
