"""From a window to a checked file: reuse or create an export, wait, download, check."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise, product

import pytest

from tap_exports.clock import Timings
from tap_exports.errors import (
    ExportStuck,
    InvalidKey,
    LocalTrouble,
    MissingScope,
    StoreRefused,
    StoreTrouble,
    TapExportsError,
    Unauthorized,
)
from tap_exports.sandbox import Fault
from tap_exports.schema.values import to_instant
from tap_exports.window import Window

from .conftest import open_temp_files


def kind(fault):
    return f"{fault.place} {fault.kind} {fault.status}"


def rows(checked):
    with_header = list(checked.csv.rows())
    checked.csv.close()
    return with_header


def fetched(bench, window=None):
    """A window's checked file, closed."""
    checked = bench.fetch(window)
    checked.csv.close()
    return checked


def earlier_export(bench, window=None, code="order_list", ago=0):
    """An export that an earlier run requested some minutes ago."""
    window = window or bench.window()
    export = bench.store.make_export(code, window.start, window.end)
    bench.clock.sleep(ago * 60)
    return export


def reusable(bench):
    """Windows of exports that may be reused."""
    bench.exporter.requester.look_up(bench.source())
    return sorted(export.window for export in bench.source().reusable)


def test_polling_starts_fast_and_backs_off(make_bench):
    """The first poll comes within two seconds; each pause is a tenth of the time waited, two minutes at most."""
    bench = make_bench(ready_seconds=3000)
    fetched(bench)
    times = [r.time for r in bench.store.log if r.place in ("create", "poll")]
    pauses = [(b - a).total_seconds() for a, b in pairwise(times)]
    assert max(pauses[:2]) < 2
    assert 100 < min(pauses[-5:]) < max(pauses) <= 120.5
    assert len(pauses) < 90


def test_an_export_that_stays_pending_fails_at_the_timeout(make_bench):
    bench = make_bench(timeout=900)
    bench.store.add_fault(Fault("create", "never_ready"))
    with pytest.raises(ExportStuck, match="still pending after 15 minutes") as caught:
        bench.fetch()
    assert "stream order_list, export 42, window 2025-01-03T00:00:37Z to 2025-01-13T00:00:37Z" in str(caught.value)
    assert "export_timeout_minutes" in str(caught.value)
    assert bench.clock.waited == pytest.approx(900, abs=2)
    assert len(bench.made()) == 1


def test_an_export_is_polled_once_more_at_the_timeout(make_bench):
    fetched(make_bench(timeout=900, ready_seconds=899))


def test_an_unknown_status_is_an_error_at_once(bench):
    bench.store.add_fault(Fault("poll", "unknown_status", value="exploded", times=None))
    with pytest.raises(ExportStuck, match="'exploded'"):
        bench.fetch()
    assert bench.store.count("poll") == 1
    assert len(bench.made()) == 1


@pytest.mark.parametrize(
    ("kind", "more", "creates"),
    [
        *((kind, {}, 1) for kind in ("lost", "cut", "wrong_length")),
        *((kind, {}, 3) for kind in ("refuse", "reset", "html", "empty", "hang")),
        ("json", {"document": {"sorry": True}}, 3),
        *(("status", {"status": status}, 3) for status in (429, 502)),
        ("status", {"status": 503, "headers": {"Retry-After": "2"}}, 3),
    ],
)
def test_a_create_call_whose_response_is_lost_makes_no_second_export(bench, kind, more, creates):
    """It is sent again only if the list does not have its export, which two faults in a row did not make."""
    if kind == "hang":
        bench.clock.timings = replace(bench.clock.timings, read_seconds=0.1)
    bench.store.add_fault(Fault("create", kind, times=creates - 1 or 1, **more))
    fetched(bench)
    assert len(bench.made()) == 1
    assert bench.store.count("create") == creates
    assert creates > 1 or bench.store.count("list") == 1


@pytest.mark.parametrize("faults", [1, 4])
def test_after_a_lost_response_nothing_is_created_until_the_list_is_read(bench, faults):
    bench.store.add_fault(Fault("create", "lost"))
    bench.store.add_fault(Fault("list", "status", status=503, times=faults))
    fetched(bench)
    assert (len(bench.made()), bench.store.count("create"), bench.store.count("list")) == (1, 1, faults + 1)


def test_retry_after_is_honoured_before_the_list_is_searched(bench):
    bench.store.add_fault(Fault("create", "status", status=503, headers={"Retry-After": "150"}))
    fetched(bench)
    first, second = bench.store.log[:2]
    assert (first.place, second.place) == ("create", "list")
    assert second.time - first.time >= timedelta(seconds=150)


def test_an_export_that_is_listed_late_is_found(bench, monkeypatch):
    """A proxy's timeout may end long before the store has created the export."""
    bench.store.add_fault(Fault("create", "status", status=504))
    window = bench.window()
    real = bench.clock.sleep

    def sleep(seconds):
        before = bench.clock.waited
        real(seconds)
        if before <= 25 < bench.clock.waited:
            bench.store.make_export("order_list", window.start, window.end)

    monkeypatch.setattr(bench.clock, "sleep", sleep)
    fetched(bench, window)
    assert len(bench.made()) == 1
    assert bench.store.count("create") == 1


@pytest.mark.parametrize(
    ("days", "code", "ago", "listed"),
    [
        (10, "order_list", 1, True),
        (10, "order_list", 10, False),
        (9, "order_list", 0, False),
        (10, "customer_list", 0, False),
    ],
    ids=["listed before", "made long before", "another window", "another type"],
)
def test_another_export_is_not_taken_for_the_lost_one(bench, days, code, ago, listed):
    bench.store.add_fault(Fault("create", "refuse"))  # it created nothing
    earlier = earlier_export(bench, bench.window(0, days), code=code, ago=ago)
    if listed:
        reusable(bench)
        bench.source().reusable.clear()
    assert fetched(bench).export.id != earlier.id
    assert len(bench.made()) == 2


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_lost_export_is_found_whatever_the_zone_of_the_list(make_bench, zone):
    """The list filters by day, of an unknown zone."""
    bench = make_bench(now=datetime(2025, 3, 4, 0, 20, tzinfo=timezone.utc), list_timezone=zone)
    bench.store.add_fault(Fault("create", "lost"))
    fetched(bench)
    assert len(bench.made()) == 1
    assert bench.store.count("create") == 1


@pytest.mark.parametrize(("seconds", "taken"), [(23, False), (240, False), (280, True), (300, True)])
def test_an_export_made_before_its_window_had_settled_is_not_reused(bench, seconds, taken):
    end = bench.store.now.replace(microsecond=0) - timedelta(seconds=23)
    bench.clock.sleep(seconds - 23)
    window = Window(end - timedelta(days=10), end)
    earlier_export(bench, window)
    assert reusable(bench) == [window] * taken


def test_responses_that_stay_lost_fail_the_stream(bench):
    bench.store.add_fault(Fault("create", "refuse", times=None))
    with pytest.raises(StoreTrouble, match="no export could be created") as caught:
        bench.fetch()
    assert "stream order_list, window 2025-01-03" in str(caught.value)
    assert bench.store.count("list") == 6 * bench.store.count("create")
    assert 7 * 59 < sum(bench.clock.slept) < 7 * 60 * 1.25


@pytest.mark.parametrize(
    ("begin", "end"),
    [("2025-01-03T00:00:37Z", "2025-01-12T00:00:37Z"), ("2025-01-03T00:00:38Z", "2025-01-13T00:00:37Z")],
    ids=["ends early", "begins late"],
)
def test_an_export_of_a_smaller_window_is_refused(bench, begin, end):
    document = {"id": 7, "type": "order_list", "status": "pending", "date_from": begin, "date_to": end}
    bench.store.add_fault(Fault("create", "json", document=document))
    with pytest.raises(StoreRefused, match="but 2025-01-03T00:00:37Z to 2025-01-13T00:00:37Z was requested"):
        bench.fetch()


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, StoreRefused), (401, Unauthorized), (403, MissingScope), (404, StoreRefused), (405, StoreRefused)],
)
def test_a_refused_call_is_not_retried_and_reported_with_its_window(bench, status, error):
    bench.store.add_fault(Fault("create", "status", status=status, body='{"date_to": ["Too far."]}', times=None))
    with pytest.raises(error, match=rf"answered {status}: date_to: Too far\..*\(stream order_list, window 2025-01-03"):
        bench.fetch()
    assert len(bench.store.log) == 1
    assert bench.clock.waited == 0


def test_an_export_is_reused_for_reuse_exports_minutes_whatever_the_zone_of_the_list(make_bench):
    for hour, zone, ago in product((0, 5, 23), ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"), (59, 61)):
        bench = make_bench(now=datetime(2025, 3, 4, hour, 20, tzinfo=timezone.utc), list_timezone=zone)
        earlier_export(bench, ago=ago)
        assert reusable(bench) == [bench.window()] * (ago < 60)


@pytest.mark.parametrize(
    ("days", "code"), [(11, "order_list"), (9, "order_list"), (10, "customer_list")], ids=["longer", "shorter", "type"]
)
def test_an_export_of_another_window_or_type_is_not_reused(bench, days, code):
    earlier_export(bench, bench.window(0, days), code=code, ago=1)
    reusable(bench)
    assert {export.type for export in bench.source().reusable} <= {"order_list"}
    assert not fetched(bench).reused


@pytest.mark.parametrize(
    ("start", "end", "own"),
    [
        ("2025-01-03T00:00:37Z", "2025-01-13T00:00:37Z", True),
        ("2025-01-03T00:00:00Z", "2025-01-13T00:00:00Z", False),
        ("2025-01-01T00:00:00Z", "2025-01-13T00:00:37Z", True),
        ("2025-01-03T00:00:37Z", "2025-02-01T12:34:00Z", True),
        ("2025-01-01T00:00:00Z", "2025-02-01T12:34:00Z", False),
        ("2025-01-03T00:00:37Z", "2025-01-13T23:59:59Z", False),
    ],
)
def test_only_exports_of_the_taps_own_windows_are_reused(make_bench, start, end, own):
    """An export made in the dashboard may be filtered; its window has whole minutes or a day's last second."""
    given = frozenset({to_instant("2025-01-01T00:00:00Z"), to_instant("2025-02-01T12:34:00Z")})
    bench = make_bench(given=given)
    window = Window(to_instant(start), to_instant(end))
    earlier_export(bench, window, ago=1)
    assert reusable(bench) == [window] * own


@pytest.mark.parametrize(
    "fault",
    [
        Fault("file", "body", body="A,B\r\n1\r\n", times=2),
        Fault("file", "empty"),
        Fault("file", "body", body="Order Number,B\r\n1,2\r\n1,3\r\n"),
        Fault("file", "status", status=404, times=6),
        Fault("link", "status", status=404, times=1),
        Fault("file", "body", body="Nothing,Known\r\n1,2\r\n", times=2),
    ],
    ids=kind,
)
def test_an_invalid_reused_export_is_replaced_once(bench, caplog, fault):
    old = earlier_export(bench, ago=10)
    reusable(bench)
    bench.store.add_fault(fault)
    checked = fetched(bench)
    assert not checked.reused
    assert len(bench.made()) == 2
    assert f"export {old.id} cannot be reused" in caplog.text
    assert fetched(bench).export.id not in (old.id, checked.export.id)


@pytest.mark.parametrize(
    ("kind", "made", "waits"), [("slow", 1, 500), ("never_ready", 2, 600 + 1700)], ids=["ready in time", "never ready"]
)
def test_a_pending_export_is_reused_until_its_own_timeout(make_bench, kind, made, waits):
    bench = make_bench(timeout=1800, ready_seconds=1700)
    bench.store.add_fault(Fault("create", kind, seconds=0))
    bench.client.create("order_list", bench.window())
    bench.clock.sleep(1200)
    reusable(bench)
    began = bench.clock.waited
    assert fetched(bench).reused is (made == 1)
    assert len(bench.made()) == made
    assert waits - 2 <= bench.clock.waited - began < waits + 120
    assert bench.slot.acquired


def test_the_newest_available_export_is_preferred(make_bench):
    bench = make_bench(ready_seconds=300)
    made = [earlier_export(bench, ago=ago) for ago in (1, 20, 0)]
    reusable(bench)
    bench.store.add_fault(Fault("file", "body", body="A,B\r\n1\r\n", times=2))
    assert fetched(bench).export.id == made[0].id
    assert [export.id for export in bench.source().reusable] == [made[2].id]


@pytest.mark.parametrize(("status", "error"), [(401, Unauthorized), (403, MissingScope)])
def test_a_refused_link_does_not_create_another_export(bench, status, error):
    earlier_export(bench, ago=1)
    reusable(bench)
    bench.store.add_fault(Fault("link", "status", status=status, times=None))
    with pytest.raises(error):
        bench.fetch()
    assert len(bench.made()) == 1


def test_an_error_page_in_place_of_the_file_is_transient(bench):
    bench.store.add_fault(Fault("file", "html", times=5))
    assert len(rows(bench.fetch())) > 5
    assert len(bench.made()) == 1


HEADER = "Order Number,Status\r\n"
BLANK, REPEATED = f"{HEADER}1,new\r\n,new\r\n", f"{HEADER}1,new\r\n1,paid\r\n"
EQUAL, OPEN = f"{HEADER}1,new\r\n2,new\r\n1,new\r\n", f"{HEADER}1,new\r\n2,new"
TWO = [["1", "new"], ["2", "new"]]
PAGE = "<!DOCTYPE html><html></html>"


@pytest.mark.parametrize(
    ("bodies", "exports", "found", "words"),
    [
        # Bad content is downloaded once more.
        (["A,B\r\n1\r\n"], 1, None, "downloading"),
        (["Order Number;Status\r\n1;new\r\n"], 1, None, "downloading"),
        ([f"{HEADER}1,new\r\nStatus,Order Number\r\n"], 1, None, "downloading"),
        ([b"PK\x03\x04\x14\0"], 1, None, "downloading"),
        (["Sorry, something went wrong.\r\n"], 1, None, "downloading"),
        (["Sorry, it went wrong\r\nPlease, try again\r\n"], 1, None, "downloading"),
        ([PAGE], 1, None, "retrying"),
        # A blank or repeated key: one fresh export, which may confirm equal rows.
        ([BLANK], 2, None, "fresh export"),
        ([REPEATED], 2, None, "fresh export"),
        ([EQUAL, ...], 2, TWO, "1 rows equal another row in every cell"),
        # Zero bytes: one fresh export, which may confirm an empty window.
        ([""], 2, None, "fresh export"),
        (["", ""], 2, [], "accepted as an empty window"),
        # No line break at the end: another download, then a second export. Each may show that the file was truncated.
        ([OPEN], 1, None, ""),
        ([OPEN, OPEN], 2, None, "fresh export"),
        ([OPEN, ...], 2, TWO, "No line break at the end"),
        ([OPEN, PAGE, OPEN, PAGE, OPEN, ...], 2, TWO, "No line break at the end"),
        # The second export is suspect in another way.
        ([OPEN, OPEN, REPEATED], 3, None, "fresh export"),
        ([OPEN, OPEN, ""], 3, None, "fresh export"),
    ],
    ids=lambda value: ascii(value)[:70],
)
def test_a_suspect_file_is_replaced_or_confirmed(bench, caplog, bodies, exports, found, words):
    """The last body is served for ever before `...`, else the store's own file follows; that is found if it is None."""
    for body, following in zip(bodies, [*bodies[1:], None], strict=True):
        if body is not ...:
            bench.store.add_fault(Fault("file", "body", body=body, times=None if following is ... else 1))
    checked = bench.exporter.fetch(bench.source(known=False), bench.window(), bench.slot)
    made = bench.made()
    assert (len(made), made[-1].id) == (exports, checked.export.id)
    assert words in caplog.text
    if found is None:
        text = bench.store.file(checked.export.id).decode()
        assert rows(checked) == list(csv.reader(io.StringIO(text, newline="")))[1:]
    else:
        assert checked.checked.rows == len(found)
        assert rows(checked) == found


@pytest.mark.parametrize("body", [BLANK, REPEATED], ids=["blank", "repeated"])
def test_an_invalid_key_in_a_fresh_export_too_fails_the_window(bench, body, empty_temp):
    bench.store.add_fault(Fault("file", "body", body=body, times=None))
    with pytest.raises(InvalidKey, match=r"order_number.*primary_keys"):
        bench.fetch()
    assert len(bench.made()) == 2
    assert open_temp_files(empty_temp) == []


@pytest.mark.parametrize("reused", [True, False])
def test_a_missing_line_break_is_confirmed_once_per_run(bench, reused):
    bench.store.add_fault(Fault("file", "body", body=OPEN, times=None))
    windows = [bench.window(), bench.window(10)]
    if reused:
        for window in windows:
            earlier_export(bench, window, ago=1)
        reusable(bench)
    for window in windows:
        assert rows(bench.fetch(window)) == TWO
    assert len(bench.made()) == 3


def test_only_a_fresh_export_confirms_repeated_rows(bench):
    """Two exports of an earlier run that are equally wrong say no more than one."""
    bench.store.add_fault(Fault("file", "body", body=EQUAL, times=2))
    earlier = [earlier_export(bench).id, earlier_export(bench, ago=1).id]
    reusable(bench)
    checked = bench.fetch()
    assert rows(checked) == TWO
    assert checked.export.id not in earlier
    assert len(bench.made()) == 3


@pytest.mark.parametrize(
    ("place", "kind", "more", "words"),
    [
        ("file", "html", {}, r"an error page, not CSV: .* \(stream order_list, export 42, window .*\)\. Run again"),
        ("file", "body", {"body": "Order Number,B\r\n1\r\n"}, r"has 2 \(stream .*\)\. Check the export in the"),
        ("poll", "status", {"status": 400}, r"\(stream .*\)\. Correct the setting"),
    ],
)
def test_a_lasting_error_says_where_it_is_and_what_to_do(bench, empty_temp, place, kind, more, words):
    """The file is downloaded twice if its content is invalid; no new export is made."""
    bench.store.add_fault(Fault(place, kind, times=None, **more))
    with pytest.raises(TapExportsError, match=words) as caught:
        bench.fetch()
    assert bench.store.count("file") == {"html": Timings().tries, "body": 2, "status": 0}[kind]
    assert len(bench.made()) == 1
    assert caught.value.__cause__ is None
    assert open_temp_files(empty_temp) == []


def test_a_full_disk_causes_no_second_download_and_no_new_export(bench, monkeypatch, tmp_path):
    earlier_export(bench, ago=1)
    reusable(bench)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(LocalTrouble, match="stream order_list, export 42"):
        bench.fetch()
    assert len(bench.made()) == 1
