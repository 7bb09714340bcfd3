"""What a benchmark or a drill says about the limits that were on."""

from roadbike.ops.limits import in_words


def test_what_is_the_same_in_every_service_is_named_once() -> None:
    line = in_words(
        {
            "gateway": {"clientRequestsPerSecond": 0},
            "stock": {"reads": 100, "writesPerMinute": 0},
            "reservation": {"reads": 100, "writesPerMinute": 0, "inFlight": 1_200},
        }
    )

    on, _, off = line.partition(" · ")
    assert on.endswith("reads 100, inFlight 1,200 (reservation)")
    assert off.endswith("clientRequestsPerSecond (gateway), writesPerMinute")


def test_a_limit_that_differs_names_where_it_holds() -> None:
    line = in_words({"gateway": {}, "a": {"reads": 1}, "b": {"reads": 2}})

    assert "reads 1 (a), reads 2 (b)" in line
