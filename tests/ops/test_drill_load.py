"""The load of the drills, against a server that answers as it is asked to."""

import asyncio
from collections import Counter

import pytest

from roadbike.local.errors import CommandError
from roadbike.ops.drills.answers import LATE, LOST, Answer, between, reasons, tally
from roadbike.ops.drills.load import Call, Plan, put
from roadbike.ops.drills.running_load import answered, load
from tests.ops.answering import always, answering, response

READ = Call("GET", "/things")


def plan(url: str, **more: object) -> Plan:
    usual = {"calls": [READ], "tokens": ["x"], "connections": 3, "seconds": 30.0}
    return Plan(url=url, **usual | more)  # type: ignore[arg-type]


async def put_all(of: Plan) -> list[Answer]:
    answers: list[Answer] = []
    await put(of, asyncio.Event(), answers.extend)
    return answers


async def test_a_closed_loop_sends_the_calls_and_users_in_turn_with_a_key_for_each_post() -> None:
    heads: list[bytes] = []

    async def answer(head: bytes) -> bytes:
        heads.append(head)
        return response(201, body='{"reserveId": "r1"}')

    async with answering(answer) as url:
        calls = [READ, Call("POST", "/reservations")]
        answers = await put_all(plan(url, calls=calls, tokens=["a", "b"], at_most=8))

    assert len(answers) == len(heads) == 8
    assert Counter(answer.call for answer in answers) == {0: 4, 1: 4}
    assert {answer.user for answer in answers} == {0, 1}
    posted = [head for head in heads if head.startswith(b"POST /reservations ")]
    assert [b"Idempotency-Key: " in head for head in posted] == [True] * 4
    assert len({answer.key for answer in answers if answer.call == 1}) == 4
    assert {answer.found for answer in answers} == {"r1"}
    assert any(b"Authorization: Bearer b\r\n" in head for head in heads)


async def test_a_fixed_rate_does_not_wait_for_answers_and_counts_from_when_they_are_due() -> None:
    async def slow(_head: bytes) -> bytes:
        await asyncio.sleep(0.2)
        return response(200)

    async with answering(slow) as url:
        answers = await put_all(plan(url, rate=100.0, at_most=20, connections=20))
        waiting = await put_all(plan(url, rate=100.0, at_most=4, connections=1))

    sent = sorted(answer.sent for answer in answers)
    assert sent[-1] - sent[0] == pytest.approx(0.19, abs=0.01)
    assert all(answer.ms >= 199 for answer in answers)
    assert max(answer.ms for answer in waiting) >= 700  # four in turn, due within 30 ms


async def test_an_answer_that_does_not_come_is_late_or_lost() -> None:
    async def hang(_head: bytes) -> bytes:
        await asyncio.sleep(5)
        return b""

    async with answering(hang) as url:
        late = await put_all(plan(url, at_most=2, timeout=0.1))
    async with answering(always(b"")) as url:
        lost = await put_all(plan(url, at_most=2))
    refused = await put_all(plan(url, at_most=2))

    assert [answer.status for answer in late] == [LATE, LATE]
    assert [answer.status for answer in lost + refused] == [LOST] * 4


async def test_a_connection_that_the_server_closes_is_made_again() -> None:
    async with answering(always(response(200, "connection: close"))) as url:
        answers = await put_all(plan(url, at_most=9))

    assert [answer.status for answer in answers] == [200] * 9


async def test_a_load_of_its_own_process_is_counted_meanwhile_and_can_be_stopped() -> None:
    async with answering(always(response(200))) as url, load(plan(url)) as running:
        await running.more(20)
        so_far = len(running.answers)
        answers = await running.stop()

    assert len(answers) >= so_far >= 20
    assert tally(answers).share == 100


async def test_a_load_that_is_done_ends_by_itself() -> None:
    async with answering(always(response(200))) as url:
        answers = await answered(plan(url, at_most=7))

    assert len(answers) == 7


async def test_a_load_without_answers_or_without_a_process_is_an_error() -> None:
    async def hang(_head: bytes) -> bytes:
        await asyncio.sleep(5)
        return b""

    async with answering(hang) as url, load(plan(url)) as running:
        with pytest.raises(CommandError, match="Not enough requests"):
            await running.more(1, seconds=0.1)
    with pytest.raises(CommandError, match="has ended"):
        await answered(plan("http://127.0.0.1:1", tokens=[]))


@pytest.mark.parametrize("rate", [0.0, 50.0])
async def test_a_refusal_is_reported_with_its_reason(rate: float) -> None:
    body = '{"type": "/problems/overloaded", "status": 503}'

    async with answering(always(response(503, "retry-after: 1", body=body))) as url:
        refused = await put_all(plan(url, rate=rate, at_most=2))
    async with answering(always(response(502, body="Bad Gateway"))) as url:
        other = await put_all(plan(url, rate=rate, at_most=1))

    assert reasons([*refused, *other]) == "503 overloaded: 2, 502: 1"
    assert reasons([Answer(0.0, 1.0, 201)]) == ""


def test_answers_are_counted_by_what_became_of_them() -> None:
    answers = [
        *(Answer(sent, sent * 10, 201) for sent in (1.0, 2.0, 3.0)),
        Answer(4.0, 7.0, 503, retry_after=True),
        Answer(5.0, 9.0, 429, retry_after=True),
        Answer(6.0, 9.0, 503),
        Answer(7.0, 9.0, LATE),
        Answer(8.0, 9.0, LOST),
    ]

    counted = tally(answers)

    assert (counted.sent, counted.good, counted.refused) == (8, 3, 2)
    assert (counted.late, counted.lost, counted.other) == (1, 1, 1)
    assert (counted.p50, counted.p99, counted.refused_p99) == (20.0, 30.0, 9.0)
    assert counted.statuses == {"201": 3, "503": 2, "429": 1}
    assert counted.share == pytest.approx(37.5)
    assert between(answers, 2.0, 4.0) == answers[1:3]
