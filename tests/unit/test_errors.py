from __future__ import annotations

from tap_exports.errors import InvalidFile, lines_of


def test_an_error_is_one_line_of_what_its_first_place_and_what_to_do():
    error = InvalidFile("row 2 has\n3 cells", "Look at it.").at("export 42").at("stream order_list")
    assert str(error) == "row 2 has 3 cells (export 42). Look at it."
    assert str(InvalidFile("it says: No.", "Try again.")) == "it says: No. Try again."


def test_one_cause_of_many_failures_is_one_line_that_names_the_streams():
    failures = {
        "order_list": InvalidFile("no scope", "Give it.").at("stream order_list, window 1"),
        "return_list": InvalidFile("it is empty", "Look.").at("stream return_list, export 7"),
        "customer_list": InvalidFile("no scope", "Give it.").at("stream customer_list, window 2"),
        "dispute_list": InvalidFile("no scope", "Give more.").at("stream dispute_list"),
    }
    assert lines_of(failures) == [
        "no scope (2 streams: order_list, customer_list). Give it.",
        "it is empty (stream return_list, export 7). Look.",
        "no scope (stream dispute_list). Give more.",
    ]
