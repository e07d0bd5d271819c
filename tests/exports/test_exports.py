"""From a window to a checked file: reuse or create an export, wait, download, check."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta, timezone
from itertools import pairwise, product

import pytest

from tap_exports.errors import (
    ExportStuck,
    InvalidFile,
    InvalidKey,
    LocalTrouble,
    MissingScope,
    StoreRefused,
    StoreTrouble,
    TapExportsError,
    Unauthorized,
)
from tap_exports.exports.polling import PollSchedule
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


# Without faults


def test_a_window_becomes_a_checked_file(make_bench):
    """Created, waited for, downloaded, checked: the store's rows, with where they came from."""
    bench = make_bench(ready_seconds=40)
    checked = bench.fetch()
    store_rows = [
        list(row.values()) for row in bench.store.rows("order_list", checked.window.start, checked.window.end)
    ]
    assert checked.checked.rows == len(store_rows) > 5
    assert checked.export.id == bench.made()[0].id
    assert checked.size == len(bench.store.file(checked.export.id))
    assert not checked.reused
    assert rows(checked) == store_rows
    assert [r.place for r in bench.store.log if r.place != "poll"] == ["create", "link", "file"]


# Waiting


def test_polling_starts_fast_and_backs_off(make_bench):
    """The first poll comes within two seconds; each pause is a tenth of the time waited, two minutes at most."""
    bench = make_bench(ready_seconds=3000)
    bench.fetch().csv.close()
    polls = [r.time for r in bench.store.log if r.place == "poll"]
    pauses = [(b - a).total_seconds() for a, b in pairwise(polls)]
    assert (polls[0] - bench.made()[0].created_at).total_seconds() < 2
    assert pauses[0] < 2
    assert max(pauses) <= 120.5
    assert min(pauses[-5:]) > 100
    assert len(polls) < 90
    assert (polls[-1] - bench.made()[0].ready_at).total_seconds() <= 120.5


def test_no_pause_is_longer_than_poll_interval_seconds():
    pace = PollSchedule(longest=7, first=1.0)
    pace.learn(9_000, 11_000)
    assert all(6 <= pace.pause(waited) <= 7 for waited in range(0, 10_000, 10))


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
    bench = make_bench(timeout=900, ready_seconds=899)
    bench.fetch().csv.close()


def test_an_unknown_status_is_an_error_at_once(bench):
    bench.store.add_fault(Fault("poll", "unknown_status", value="exploded", times=None))
    with pytest.raises(ExportStuck, match="'exploded'"):
        bench.fetch()
    assert bench.store.count("poll") == 1
    assert len(bench.made()) == 1


def test_a_missing_status_is_pending(make_bench):
    bench = make_bench(omit_status=True, ready_seconds=30)
    bench.store.add_fault(Fault("poll", "json", document={"id": 42, "type": "order_list", "status": None}))
    bench.fetch().csv.close()
    assert bench.store.count("poll") > 2


# Creating


@pytest.mark.parametrize(
    ("kind", "more", "creates"),
    [
        *((kind, {}, 1) for kind in ("lost", "cut", "wrong_length")),
        *((kind, {}, 3) for kind in ("refuse", "reset", "html", "empty")),
        ("json", {"document": {"sorry": True}}, 3),
        *(("status", {"status": status}, 3) for status in (429, 502)),
        ("status", {"status": 503, "headers": {"Retry-After": "2"}}, 3),
    ],
)
def test_a_create_call_whose_response_is_lost_makes_no_second_export(bench, kind, more, creates):
    """It is sent again only if the list does not have its export, which two faults in a row did not make."""
    for _ in range(creates - 1 or 1):
        bench.store.add_fault(Fault("create", kind, **more))
    bench.fetch().csv.close()
    assert len(bench.made()) == 1
    assert bench.store.count("create") == creates
    assert creates > 1 or bench.store.count("list") == 1


@pytest.mark.parametrize("faults", [1, 4])
def test_after_a_lost_response_nothing_is_created_until_the_list_is_read(bench, faults):
    bench.store.add_fault(Fault("create", "lost"))
    bench.store.add_fault(Fault("list", "status", status=503, times=faults))
    bench.fetch().csv.close()
    assert (len(bench.made()), bench.store.count("create"), bench.store.count("list")) == (1, 1, faults + 1)


def test_retry_after_is_honoured_before_the_list_is_searched(bench):
    bench.store.add_fault(Fault("create", "status", status=503, headers={"Retry-After": "150"}))
    bench.fetch().csv.close()
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
    bench.fetch(window).csv.close()
    assert len(bench.made()) == 1
    assert bench.store.count("create") == 1


@pytest.mark.parametrize(("ago", "listed"), [(1, True), (10, False)], ids=["listed before", "made long before"])
def test_an_earlier_export_is_not_taken_for_the_lost_one(bench, ago, listed):
    older = earlier_export(bench, ago=ago)
    source = bench.source()
    if listed:
        bench.exporter.requester.look_up(source)
        source.reusable.clear()
    bench.store.add_fault(Fault("create", "refuse"))  # it created nothing
    checked = fetched(bench)
    assert checked.export.id != older.id
    assert len(bench.made()) == 2


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_lost_export_is_found_whatever_the_zone_of_the_list(make_bench, zone):
    """The list filters by day, of an unknown zone."""
    bench = make_bench(now=datetime(2025, 3, 4, 0, 20, tzinfo=timezone.utc), list_timezone=zone)
    bench.store.add_fault(Fault("create", "lost"))
    bench.fetch().csv.close()
    assert len(bench.made()) == 1
    assert bench.store.count("create") == 1


def test_an_export_of_another_window_or_type_is_not_taken_for_the_lost_one(bench):
    bench.store.add_fault(Fault("create", "refuse"))
    earlier_export(bench, bench.window(0, 9))
    earlier_export(bench, bench.window(), code="customer_list")
    checked = fetched(bench)
    assert checked.export.window == bench.window()
    assert len(bench.made()) == 3


@pytest.mark.parametrize(("seconds", "taken"), [(23, False), (240, False), (280, True), (300, True)])
def test_an_export_made_before_its_window_had_settled_is_not_reused(make_bench, seconds, taken):
    bench = make_bench(settle=5)
    end = bench.store.now.replace(microsecond=0) - timedelta(seconds=23)
    bench.clock.sleep(seconds - 23)
    made = earlier_export(bench, Window(end - timedelta(days=10), end))
    source = bench.source()
    bench.exporter.requester.look_up(source)
    assert [export.id for export in source.reusable] == ([made.id] if taken else [])


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
    window = bench.window()
    document = {"id": 7, "type": "order_list", "status": "pending", "date_from": begin, "date_to": end}
    bench.store.add_fault(Fault("create", "json", document=document))
    with pytest.raises(StoreRefused, match="but 2025-01-03T00:00:37Z to 2025-01-13T00:00:37Z was requested"):
        bench.fetch(window)


@pytest.mark.parametrize(
    ("status", "error"), [(400, StoreRefused), (401, Unauthorized), (403, MissingScope), (404, StoreRefused)]
)
def test_a_refused_create_call_is_reported_with_its_window(bench, status, error):
    bench.store.add_fault(Fault("create", "status", status=status, body='{"date_to": ["Too far."]}', times=None))
    with pytest.raises(error, match=r"date_to: Too far\..*\(stream order_list, window 2025-01-03"):
        bench.fetch()
    assert len(bench.store.log) == 1


# Reusing


def test_an_available_export_is_reused(bench):
    export = earlier_export(bench, ago=10)
    assert reusable(bench) == [bench.window()]
    checked = fetched(bench)
    assert checked.reused
    assert checked.export.id == export.id
    assert [r.place for r in bench.store.log] == ["list", "link", "file"]


def test_a_pending_export_is_reused_until_its_own_timeout(make_bench):
    bench = make_bench(ready_seconds=1500)
    export = earlier_export(bench, ago=10)
    bench.exporter.requester.look_up(bench.source())
    checked = fetched(bench)
    assert checked.export.id == export.id
    assert len(bench.made()) == 1
    assert bench.slot.acquired


def test_an_export_is_reused_for_reuse_exports_minutes_whatever_the_zone_of_the_list(make_bench):
    for hour, zone, ago in product((0, 5, 23), ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"), (59, 61)):
        bench = make_bench(now=datetime(2025, 3, 4, hour, 20, tzinfo=timezone.utc), list_timezone=zone)
        earlier_export(bench, ago=ago)
        assert reusable(bench) == [bench.window()] * (ago < 60)


def test_an_export_of_another_window_or_type_is_not_reused(bench):
    window = bench.window()
    bench.store.make_export("order_list", window.start, window.end + timedelta(seconds=1))
    bench.store.make_export("order_list", window.start + timedelta(seconds=1), window.end)
    bench.store.make_export("customer_list", window.start, window.end)
    bench.exporter.requester.look_up(bench.source())
    checked = fetched(bench, window)
    assert not checked.reused


@pytest.mark.parametrize(
    ("start", "end", "own"),
    [
        ("2025-01-03T00:00:37Z", "2025-01-13T00:00:37Z", True),
        ("2025-01-03T00:00:00Z", "2025-01-13T00:00:00Z", False),
        ("2025-01-03T00:00:37Z", "2025-01-13T00:00:00Z", False),
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
    bench.exporter.requester.look_up(bench.source())
    bench.store.add_fault(fault)
    checked = fetched(bench)
    assert not checked.reused
    assert len(bench.made()) == 2
    assert f"export {old.id} cannot be reused" in caplog.text
    assert fetched(bench).export.id not in (old.id, checked.export.id)


def test_a_reused_export_that_stays_pending_is_replaced_at_its_timeout(make_bench):
    bench = make_bench(timeout=1800)
    bench.store.add_fault(Fault("create", "never_ready"))
    bench.client.create("order_list", bench.window())
    bench.clock.sleep(1200)
    bench.exporter.requester.look_up(bench.source())
    began = bench.clock.waited
    checked = fetched(bench)
    assert not checked.reused
    assert len(bench.made()) == 2
    assert 599 <= bench.clock.waited - began < 620


def test_the_newest_available_export_is_preferred(make_bench):
    bench = make_bench(ready_seconds=300)
    first = earlier_export(bench, ago=1)
    second = earlier_export(bench, ago=20)
    third = earlier_export(bench)
    bench.exporter.requester.look_up(bench.source())
    bench.store.add_fault(Fault("file", "body", body="A,B\r\n1\r\n", times=2))
    checked = fetched(bench)
    assert checked.export.id == first.id
    assert bench.source().reusable[0].id == third.id
    assert second.id not in (e.id for e in bench.source().reusable)


@pytest.mark.parametrize(("status", "error"), [(401, Unauthorized), (403, MissingScope)])
def test_a_refused_link_does_not_create_another_export(bench, status, error):
    earlier_export(bench, ago=1)
    bench.exporter.requester.look_up(bench.source())
    bench.store.add_fault(Fault("link", "status", status=status, times=None))
    with pytest.raises(error):
        bench.fetch()
    assert len(bench.made()) == 1


# Checking


def test_an_error_page_in_place_of_the_file_is_transient(bench):
    bench.store.add_fault(Fault("file", "html", times=5))
    assert len(rows(bench.fetch())) > 5
    assert len(bench.made()) == 1
    bench.store.add_fault(Fault("file", "html", times=None))
    with pytest.raises(StoreTrouble, match="the file is an error page, not CSV"):
        bench.fetch()


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
        ([PAGE], 1, None, "downloading"),
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
        bench.exporter.requester.look_up(bench.source())
    for window in windows:
        assert rows(bench.fetch(window)) == TWO
    assert len(bench.made()) == 3


def test_only_a_fresh_export_confirms_repeated_rows(bench):
    """Two exports of an earlier run that are equally wrong say no more than one."""
    bench.store.add_fault(Fault("file", "body", body=EQUAL, times=2))
    earlier = [earlier_export(bench).id, earlier_export(bench, ago=1).id]
    bench.exporter.requester.look_up(bench.source())
    checked = bench.fetch()
    assert rows(checked) == TWO
    assert checked.export.id not in earlier
    assert len(bench.made()) == 3


def test_a_file_that_is_invalid_twice_fails_its_window(bench, empty_temp):
    bench.store.add_fault(Fault("file", "body", body="Order Number,Status\r\n1\r\n", times=None))
    with pytest.raises(
        InvalidFile, match=r"row 1 has 1 cells, the header has 2 \(stream order_list, export 42, window"
    ) as caught:
        bench.fetch()
    assert bench.store.count("file") == 2
    assert len(bench.made()) == 1
    assert caught.value.__cause__ is None
    assert open_temp_files(empty_temp) == []


@pytest.mark.parametrize(
    ("place", "fault", "hint"),
    [
        ("file", {"kind": "html"}, "Run again"),
        ("file", {"kind": "body", "body": "Order Number,B\r\n1\r\n"}, "Check the export in the store, then run again"),
        ("poll", {"kind": "status", "status": 400}, "Correct the setting"),
        ("create", {"kind": "status", "status": 400}, "Correct the setting"),
    ],
)
def test_every_error_says_what_to_do(bench, place, fault, hint):
    bench.store.add_fault(Fault(place, times=None, **fault))
    with pytest.raises(TapExportsError, match=rf"\(stream order_list, .*\)\. {hint}"):
        bench.fetch()


def test_a_full_disk_causes_no_second_download_and_no_new_export(bench, monkeypatch, tmp_path):
    earlier_export(bench, ago=1)
    bench.exporter.requester.look_up(bench.source())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(LocalTrouble, match="stream order_list, export 42"):
        bench.fetch()
    assert len(bench.made()) == 1
