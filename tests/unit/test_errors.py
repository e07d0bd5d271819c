from __future__ import annotations

from tap_exports.errors import InvalidFile, lines_of


def test_an_error_is_one_line_of_what_where_and_what_to_do():
    error = InvalidFile("row 2 has\n3 cells", "Look at it.").at("stream order_list, export 42")
    assert str(error) == "row 2 has 3 cells (stream order_list, export 42). Look at it."


def test_the_first_place_of_an_error_is_kept():
    error = InvalidFile("it is empty")
    assert error.at("export 42") is error
    assert str(error.at("stream order_list")) == "it is empty (export 42)"


def test_a_message_that_ends_with_a_full_stop_gets_no_second_one():
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
