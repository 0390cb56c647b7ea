"""Live updates of the home page in a real browser, also over a broken network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from appliance.jobs.daemon_status import DaemonStatusStore
from appliance.jobs.models import NewJob
from appliance.jobs.states import FINAL_STATES, JobState
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore
from tests.web.browser.conftest import Box, sign_in_again
from tests.web.browser.proxy import Proxy
from web.accounts.users import Role, UserStore, users_path

pytestmark = pytest.mark.slow


@pytest.fixture
def queue(box: Box) -> Iterator[WorkerStore]:
    """The queue of the device without open jobs, and a daemon that appears to be running."""
    path = store_path(box.root)
    with DaemonStatusStore(path) as record:
        record.record_start("1.0", 7)
    with WorkerStore(path) as store:
        for job in store.jobs([state for state in JobState if state not in FINAL_STATES]):
            if store.cancel(job.id) is JobState.RUNNING:
                store.fail(job.id, job.reason)  # type: ignore[arg-type]
        yield store


def add(queue: WorkerStore, name: str) -> int:
    return queue.add(NewJob(name, Path("/p.mp4"), Path("/a.wav"), owner="wang")).id


def run(queue: WorkerStore, job: int, done: int) -> None:
    """Start the job."""
    if queue.get(job).state is JobState.QUEUED:
        queue.set_priority(job, 99)
        claimed = queue.claim()
        assert claimed and claimed.id == job
    queue.update_progress(job, "render", done, 1000)


def test_changes_appear_without_interaction(page: Page, queue: WorkerStore) -> None:
    page.goto("/")
    page.evaluate("window.same = true")
    job = add(queue, "Osmosis")
    expect(page.locator("#headline")).to_have_text("Starting soon")
    run(queue, job, 250)
    expect(page.locator("#headline")).to_have_text("Osmosis")
    expect(page.locator(".progress-line strong")).to_have_text("25 %")
    run(queue, job, 750)
    expect(page.locator(".progress-line strong")).to_have_text("75 %")
    assert page.locator("progress").first.evaluate("bar => bar.value") == 0.75
    assert page.title() == "75 % Osmosis · Lectern"
    queue.finish(job)
    expect(page.locator(".done .name").first).to_have_text("Osmosis")
    assert page.evaluate("window.same")


def test_buttons_update_in_place_and_keep_the_focus(page: Page, queue: WorkerStore) -> None:
    first, second = add(queue, "First"), add(queue, "Second")
    page.goto("/")
    page.evaluate("window.same = true")
    names = page.locator(".jobs .turn + .about .name")
    expect(names).to_have_text(["First", "Second"])
    page.locator(f"#up-{second}").focus()
    page.keyboard.press("Enter")
    expect(names).to_have_text(["Second", "First"])
    expect(page.locator(f"#up-{second}")).to_be_focused()
    page.locator(f"#pause-{first}").click()
    expect(page.locator(f"#resume-{first}")).to_be_visible()
    assert queue.get(first).state is JobState.PAUSED
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator(f"#cancel-{second}").click()
    expect(page.locator(f"#cancel-{second}")).to_have_count(0)
    assert queue.get(second).state is JobState.CANCELLED
    assert page.evaluate("window.same")


def test_declined_confirmation_changes_nothing(page: Page, queue: WorkerStore) -> None:
    job = add(queue, "Keep me")
    page.goto("/")
    page.on("dialog", lambda dialog: dialog.dismiss())
    page.locator(f"#cancel-{job}").click()
    # Requests go out in turn: what the click had sent would have been done before this one.
    page.locator(f"#pause-{job}").click()
    expect(page.locator(f"#resume-{job}")).to_be_visible()
    assert queue.get(job).state is JobState.PAUSED


def test_impossible_action_shows_an_error(page: Page, queue: WorkerStore) -> None:
    job = add(queue, "Gone")
    page.goto("/")
    page.route("**/live*", lambda route: route.abort())
    page.reload()
    queue.cancel(job)
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator(f"#pause-{job}").click()
    expect(page.locator("#toast")).to_contain_text("state is cancelled")


def test_page_recovers_after_a_network_failure(
    page: Page, queue: WorkerStore, network: Proxy
) -> None:
    job = add(queue, "Osmosis")
    run(queue, job, 100)
    page.goto("/")
    expect(page.locator(".progress-line strong")).to_have_text("10 %")
    network.cut()
    run(queue, job, 500)
    expect(page.locator("#connection")).to_contain_text("cannot be reached", timeout=30_000)
    queue.finish(job)
    add(queue, "Next")
    network.mend()
    expect(page.locator(".jobs .name", has_text="Next")).to_be_visible(timeout=40_000)
    expect(page.locator("#connection")).to_be_empty()
    expect(page.locator(".now")).to_have_count(0)


def test_page_polls_when_streams_fail(page: Page, queue: WorkerStore) -> None:
    def no_stream(route: Route) -> None:
        route.abort()

    page.route(lambda url: url.endswith("/live"), no_stream)
    page.goto("/")
    job = add(queue, "Osmosis")
    run(queue, job, 420)
    expect(page.locator(".progress-line strong")).to_have_text("42 %", timeout=20_000)


def test_page_ends_with_its_session(page: Page, queue: WorkerStore) -> None:
    sign_in_again(page, "wang")
    other = page.context.new_page()
    other.goto("/account")
    other.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login**", timeout=20_000)


def test_role_change_reloads_an_open_page(page: Page, queue: WorkerStore, box: Box) -> None:
    queue.add(NewJob("Secret", Path("/p.mp4"), Path("/a.wav"), owner="li"))
    users = UserStore(users_path(box.root))
    page.goto("/")
    expect(page.locator(".others")).to_have_count(1)
    expect(page.get_by_text("Secret")).to_have_count(0)
    users.set_role("wang", Role.VIEWER)
    try:
        expect(page.get_by_text("Secret")).to_be_visible(timeout=20_000)
        expect(page.locator("nav").get_by_text("New video")).to_have_count(0)
        users.set_role("wang", Role.TEACHER)
        expect(page.get_by_text("Secret")).to_have_count(0, timeout=20_000)
    finally:
        users.set_role("wang", Role.TEACHER)
        users.close()


def test_job_names_are_escaped(page: Page, queue: WorkerStore) -> None:
    name = "<img src=x onerror=window.evil=1>\"'&amp;"
    job = add(queue, name)
    page.goto("/")
    expect(page.locator(".jobs .turn + .about .name")).to_have_text(name)
    run(queue, job, 10)
    expect(page.locator("#headline")).to_have_text(name)
    assert page.evaluate("window.evil") is None
