"""Every refusal and fault has a message in each language."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from string import Formatter

import pytest

import roadbike
from roadbike.kit.pure.refusals import Refusal
from roadbike.kit.translations import LANGUAGES, Translations, load_translations

FAULT = re.compile(r'"(fault-[a-z-]+)"')
HANGUL = re.compile("[가-힣]")
SENTENCE = re.compile(r"(니다|세요)[.:](?= |$)")  # formal Korean, said or asked
BARE_PARTICLE = re.compile(r"\}['\"]?(은|는|이|가|을|를|와|과|로|으로|이어야|여야)(?![가-힣(])")
OUTDATED = (
    *("기준으로 읽을 수", "돈을 쥐고", "결제를 동기로 열고", "결제가 열리지", "결제도 이미 열려"),
    *("상자에 나옵니다", "남이 고친", "읽은 ETag", "모양은", "거절하는 답", "되찾을", "돌보기"),
    *(
        "저절로",
        "놓여 있는지",
        "지원하지 않는 방법",
        "이 방법을",
        "길이는",
        "형식이어야",
        "그 사이에",
    ),
    *("바뀌었습니다", "새로 읽", "재고가 없습니다", "취소된 예약이 생기면", "traceId를 알려"),
    *("주문이 몰려", "요청이 몰려", "수로 쓸 수 없는", "쓸 수 없는 수", "두 번 나"),
)
SOURCES = sorted(Path(roadbike.__file__).parent.rglob("*.py"))
MESSAGES = load_translations("roadbike.kit", "roadbike.contracts")


def every_refusal() -> list[type[Refusal]]:
    for module in walk_packages(roadbike.__path__, "roadbike."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            import_module(module.name)
    return sorted(set(below(Refusal)), key=lambda kind: kind.__qualname__)


def below(base: type[Refusal]) -> Iterator[type[Refusal]]:
    for kind in base.__subclasses__():
        if kind.__module__.startswith("roadbike."):
            yield kind
            yield from below(kind)


REFUSALS = every_refusal()


@pytest.fixture
def messages() -> Translations:
    return MESSAGES


@pytest.mark.parametrize("refusal", REFUSALS)
def test_every_refusal_has_its_message(refusal: type[Refusal], messages: Translations) -> None:
    assert refusal.slug in messages.entries
    assert 400 <= refusal.status < 600


FAULTS = sorted({f for path in SOURCES for f in FAULT.findall(path.read_text())})


@pytest.mark.parametrize("slug", FAULTS)
def test_every_fault_of_an_input_has_its_message(slug: str, messages: Translations) -> None:
    assert slug in messages.entries


@pytest.mark.parametrize("slug", MESSAGES.entries)
def test_a_message_is_in_use(slug: str) -> None:
    slugs = {refusal.slug for refusal in REFUSALS}

    assert slug in slugs or any(f'"{slug}"' in path.read_text() for path in SOURCES)


@pytest.mark.parametrize("slug", MESSAGES.entries)
def test_a_message_has_a_text_in_each_language(slug: str, messages: Translations) -> None:
    entry = messages.entries[slug]

    for text in (entry.title, entry.detail):
        assert HANGUL.search(text.ko)
        assert not HANGUL.search(text.en)


@pytest.mark.parametrize("slug", MESSAGES.entries)
def test_all_languages_use_the_same_facts(slug: str, messages: Translations) -> None:
    detail = messages.entries[slug].detail
    facts = {frozenset(placeholders(detail.in_(language))) for language in LANGUAGES}

    assert len(facts) == 1


@pytest.mark.parametrize("slug", MESSAGES.entries)
def test_korean_is_formal_and_in_whole_sentences(slug: str, messages: Translations) -> None:
    entry = messages.entries[slug]
    *sentences, rest = SENTENCE.split(entry.detail.ko)[::2]

    assert sentences
    assert rest in {"", " {choices}", " {allowed}"}
    assert entry.title.ko.endswith(("니다", "세요"))


@pytest.mark.parametrize("slug", MESSAGES.entries)
def test_no_particle_is_guessed_for_a_word_that_is_filled_in(
    slug: str, messages: Translations
) -> None:
    assert not BARE_PARTICLE.search(messages.entries[slug].detail.ko)


@pytest.mark.parametrize("slug", MESSAGES.entries)
def test_wording_that_readers_stumbled_over_does_not_come_back(
    slug: str, messages: Translations
) -> None:
    entry = messages.entries[slug]
    text = f"{entry.title.ko} {entry.detail.ko}"

    assert [phrase for phrase in OUTDATED if phrase in text] == []


def placeholders(template: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(template) if name]


@pytest.mark.parametrize("slug", MESSAGES.entries)
def test_a_title_needs_no_facts(slug: str, messages: Translations) -> None:
    title = messages.entries[slug].title

    assert [placeholders(title.in_(language)) for language in LANGUAGES] == [[], []]


def test_refusals_with_the_same_slug_have_the_same_status() -> None:
    statuses: dict[str, set[int]] = {}
    for refusal in REFUSALS:
        statuses.setdefault(refusal.slug, set()).add(refusal.status)

    assert {slug: found for slug, found in statuses.items() if len(found) > 1} == {}
