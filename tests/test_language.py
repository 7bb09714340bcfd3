"""Words and phrases that readers did not understand are not used again; each has a replacement.

They are checked in the text and in the names of all files. `docs/glossary.md` explains the words
that have a special sense.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
PLACES: Final = (
    *("src", "tests", "docs", "tools", "pyproject.toml", "Makefile"),
    *("README.md", "README.en.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"),
)
SUFFIXES: Final = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".html", ".svg", ""}
NOT_CHECKED: Final = {
    Path(__file__),
    ROOT / "tests/contracts/test_messages.py",  # it lists Korean phrases as well
    ROOT / "tests/docs/asyncapi-3.0.0.json",  # the official schema
}
FILES: Final = sorted(
    path
    for place in PLACES
    for path in ([ROOT / place] if (ROOT / place).is_file() else (ROOT / place).rglob("*"))
    if path.is_file() and path.suffix in SUFFIXES and path not in NOT_CHECKED
    if "__pycache__" not in path.parts
)

WORDS: Final = {  # whole words, also as parts of names: heard_at, DatabaseAway
    "tell tells telling teller": "publish (an event); otherwise say, show, report",
    "told untold": "published (an event); otherwise said, shown, reported",
    "hear hears hearing heard unheard": "consume, consumed (an event); unprocessable (a message)",
    "fold folds folded folding": "project (events onto a read model); case folding is allowed",
    "away": "unavailable, stopped, down",
    "intent intents": "pending reservation",
    "allowance allowances": "available to reserve",
    "anew": "again, from the start",
    "whoever": "the person who, the client that",
    "sister sisters": "another service",
    "floors": "layers",
    "roof": "the repository, the project",
    "house houses": "the code base, the project",
    "tombstoned": "leaves a tombstone",
}
PHRASES: Final = {  # as they stood
    # words in an order that is not English
    "for ever": "for good, without a limit",
    "but for": "except",
    "is no news": "is known already",
    "interests nobody": "is not needed",
    "is no json": "is not JSON",
    "are no json": "are not JSON",
    "never not at all": "at least once",
    "at least-once": "at least once",
    "again, please": "ask for redelivery",
    "never again": "not again",
    "who says to be who": "user id and password",
    "of it there is nothing": "it does not exist",
    "and never was": "and did not exist",
    "is kept for long": "is cached",
    "as right as before": "still correct",
    "who gets none is refused": "without a turn the request is refused",
    "it stays as it is": "name what stays, and why",
    "unsettled, as far as is known": "stopped services are not checked",
    "what it cannot send there": "requests for services that are down",
    # images instead of the thing
    "at rest": "settled (the shop), stored (data)",
    "telephone": "no TCP connection",
    "drive on": "continue",
    "driven on": "continued",
    "whatever has become of": "in any status",
    "behind a buyer": "background work",
    "to those who wait": "to user requests",
    "its next owner": "a process that got the same number",
    "number's next owner": "a process that got the same number",
    "from here on only": "after this, only",
    "one of ours has": "a service of the shop has",
    "a service that is away": "a service that is down",
    "keeps its name": "is not translated",
    "their one name": "the same exception",
    "use up the tries": "force the circuit open",
    "two halves": "the slower transaction is run again",
    "says which one holds": "reports pass or fail",
    "plays each of them": "runs each requirement",
    "its payment is open already": "its payment was created too",
    "cannot have a warden": "run under a small watcher process",
    "part of it is": "say which part",
    "the nine": "name them",
    # names of things in the code base
    "tx 1": "take pending",
    "tx 2": "register, or give up",
    "kit knows no": "kit is independent of",
    "load-bearing": "architectural",
    "names the room": "names the package",
    "outbox told": "events waiting to be sent",
    # Korean
    "기준으로 읽을 수 있습니다": "참고할 수 있는 예제입니다",
    "돈을 쥐고 있지": "반드시 환불하며",
    "결제를 동기로 열": "결제 건을 동기로 생성",
    "결제가 열리지 않으면": "결제 건이 생성되지 않으면",
    "결제도 이미 열려": "결제 건도 이미 생성되어",
    "상자에 나옵니다": "화면에 표시됩니다",
    "돌려보내": "If-Match 헤더로 보내면",
    "남이 고친": "다른 직원이 고친",
    "응답의 모양": "응답 형식",
    "거절하는 답": "오류 응답",
    "되찾을 때": "회수할 때",
    "매장 돌보기": "매장 관리",
    "저절로": "자동으로",
    "다시 살아납니다": "다시 시작됩니다",
    "코드가 어떻게 놓여": "코드 구조",
    "지원하지 않는 방법": "지원하지 않는 HTTP 메서드",
    "이 방법을 쓸 수 없": "지원하지 않는 HTTP 메서드",
    "길이는 >=": "8자 이상이어야 합니다",
    "형식이어야 하는데": "정수여야 하는데 문자열이 왔습니다",
    "그 사이에 바뀌었습니다": "그사이 변경되었습니다",
    "새로 읽은 etag": "다시 조회해서 받은 ETag",
    "남은 재고가 없습니다": "품절되었습니다",
    "취소된 예약이 생기면": "취소 건이 생기면",
    "계속되면 traceid를": "계속되면 아래 traceId와 함께",
    "주문이 몰려": "접속자가 많습니다",
    "수로 쓸 수 없는": "숫자가 아닙니다",
    "두 번 나온 항목": "같은 항목이 중복되었습니다",
}
REPLACEMENTS: Final = PHRASES | {
    word: instead for words, instead in WORDS.items() for word in words.split()
}
PATTERN: Final = re.compile(
    "|".join(
        [
            *(rf"(?<![a-z]){re.escape(phrase)}(?![a-z])" for phrase in PHRASES),
            *(rf"(?<![a-z])(?<!case[_ ])(?:{'|'.join(words.split())})(?![a-z])" for words in WORDS),
        ]
    ),
    re.IGNORECASE,
)
CAPITAL_INSIDE: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def found(text: str) -> Iterator[str]:
    """Return each word that must not be used, with its line and what to write instead."""
    for number, line in enumerate(text.splitlines(), 1):
        for match in PATTERN.finditer(CAPITAL_INSIDE.sub(" ", line)):
            yield f"line {number}: {match[0]!r}: write {REPLACEMENTS[match[0].lower()]!r}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_uses_no_word_that_readers_did_not_understand(path: Path) -> None:
    lines = list(found(path.read_text(encoding="utf-8")))

    assert not lines, "\n".join(lines)


def test_no_file_name_has_such_a_word() -> None:
    lines = [f"{path}, {line}" for path in FILES for line in found(str(path.relative_to(ROOT)))]

    assert not lines, "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("x = heard_at", "heard"),
        ("class DatabaseAway:", "Away"),
        ("tests/test_broker_away.py", "away"),
        ("It was Told.", "Told"),
        ("kept for ever", "for ever"),
        ("매장 돌보기입니다", "매장 돌보기"),
    ],
)
def test_a_word_is_found_in_a_name_and_in_a_sentence(text: str, word: str) -> None:
    (line,) = found(text)

    assert line == f"line 1: {word!r}: write {REPLACEMENTS[word.lower()]!r}"


def test_a_longer_word_is_another_word() -> None:
    assert list(found("a folder, an intention, a household, retold, case_folded")) == []
