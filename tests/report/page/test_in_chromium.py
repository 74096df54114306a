"""The page in a real browser: 5,000 images, filters, order, keyboard, slider; no request."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gsmooth.report.page.write import write_page
from tests.report.page.pages import images_of, records_of

IMAGES = 5000

pytestmark = pytest.mark.extras(group="browser")
playwright = pytest.importorskip("playwright.sync_api", reason='needs the extra "browser"')
CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("needs the program chromium", allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        # Chromium has no sandbox for root, which CI is.
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A page of 5,000 images, and one of two small runs without pictures."""
    folder = tmp_path_factory.mktemp("pages")
    large = write_page([records_of(IMAGES)], folder / "large.html", [images_of(IMAGES, 16)])
    runs = [records_of(30, "first"), records_of(20, "second")]
    return large, write_page(runs, folder / "two.html")


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """Every request that left a page, and whatever its console said."""
    return []


@pytest.fixture(scope="module")
def opened(browser: Any, files: tuple[Path, Path], asked: list[str]) -> Any:
    return show(browser, files[0], asked)


@pytest.fixture
def page(opened: Any) -> Any:
    """The large page as it was when it had just been opened."""
    opened.keyboard.press("Escape")
    opened.reload()
    opened.wait_for_selector("html[data-ready]", state="attached")
    return opened


def show(browser: Any, path: Path, asked: list[str], **context: Any) -> Any:
    page = browser.new_context(**context).new_page()
    page.on("console", lambda message: asked.append(message.text))
    page.on("pageerror", lambda error: asked.append(str(error)))

    def refused(route: Any) -> None:
        if route.request.url == path.as_uri():
            route.continue_()
        else:
            asked.append(route.request.url)
            route.abort()

    page.route("**/*", refused)
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    return page


def cards(page: Any) -> list[int]:
    """The positions of the images in the grid, in its order; those in sight are there as cards."""
    found: list[int] = page.evaluate("grid.shown.map((card) => card.entry.index)")
    there: list[int] = page.evaluate("[...grid.list.children].map((one) => one.card.entry.index)")
    start = found.index(there[0]) if there else 0
    assert there == found[start : start + len(there)]
    return found


def test_five_thousand_images_are_in_the_grid_and_cards_where_they_are_seen(page: Any) -> None:
    assert cards(page) == list(range(IMAGES))
    assert page.locator("#found").inner_text() == "5,000 images"
    page.locator("#images").scroll_into_view_if_needed()
    first = page.locator("#grid .thumbnail").first
    assert "blob:" in first.get_attribute("style")
    assert page.locator("#grid > li").count() < 200
    assert page.locator("#grid > li").first.get_attribute("aria-setsize") == "5000"
    page.locator("#assumptions").scroll_into_view_if_needed()
    page.wait_for_selector("#grid > li[aria-posinset='5000'] .thumbnail[style*='blob:']")


def test_filters_by_class_verdict_and_position(page: Any) -> None:
    rows = records_of(IMAGES).rows
    page.locator("select[name=class]").select_option(label="eight (500)")
    assert cards(page) == list(range(8, IMAGES, 10))
    page.locator(".chip", has_text="No certificate").click()
    abstained = [r.index for r in rows if not r.is_certified and r.image.label == 8]
    assert cards(page) == abstained
    assert page.locator("#found").inner_text() == f"{len(abstained)} of 5,000 images"
    page.locator("select[name=class]").select_option("")
    page.locator(".chip", has_text="Certified, wrong class").click()
    assert cards(page) == [
        r.index for r in rows if r.is_certified and r.decision.certified_label != r.image.label
    ]
    page.locator(".chip", has_text="All").click()
    page.locator("input[name=index]").fill("4321")
    assert cards(page) == [4321]


def test_the_order_follows_the_choice(page: Any) -> None:
    votes = {row.index: row.counts.votes for row in records_of(IMAGES).rows}
    page.locator("select[name=sort]").select_option("most-votes")
    found = [votes[index] for index in cards(page)]
    assert found == sorted(votes.values(), reverse=True)
    page.locator("select[name=sort]").select_option("class")
    assert cards(page)[:500] == list(range(0, IMAGES, 10))


def test_the_grid_is_one_stop_of_the_keyboard_and_arrows_move_in_it(page: Any) -> None:
    assert page.locator("#grid button[tabindex='0']").count() == 1
    page.locator("#grid button").first.focus()
    across = page.evaluate("getComputedStyle(grid.list).gridTemplateColumns.split(' ').length")
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.parentElement.card.entry.index") == across
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.parentElement.card.entry.index") == IMAGES - 1
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    assert page.locator("#details-title").inner_text().startswith("Image 0: ")
    page.keyboard.press("ArrowRight")
    assert page.locator("#details-title").inner_text().startswith("Image 1: ")
    page.keyboard.press("Escape")
    assert page.locator("#details[open]").count() == 0
    assert page.evaluate("document.activeElement.parentElement.card.entry.index") == 1


def test_the_slider_changes_the_picture_and_says_where_it_is(page: Any) -> None:
    page.locator(".chip", has_text="With a slider").click()
    shown = cards(page)
    assert 100 < len(shown) <= 200
    index = next(i for i in shown if i % 10 == 7)
    page.locator("input[name=index]").fill(str(index))
    page.locator("#grid button").first.click()
    look = "[picture.style.backgroundImage, picture.style.backgroundPosition].join()"
    seen, told = set(), set()
    page.locator("#frame").focus()
    page.keyboard.press("Home")
    for _ in range(5):
        seen.add(page.evaluate(look))
        told.add(page.locator("#frame-text").inner_text())
        page.keyboard.press("ArrowRight")
    assert len(seen) == len(told) == 5
    assert all("inside what is certified" in text for text in told)
    assert "blob:" in seen.pop()


def test_details_say_why_there_is_no_certificate(page: Any) -> None:
    page.locator(".chip", has_text="No certificate").click()
    page.locator("#grid button").first.click()
    assert page.locator("#details-verdict").inner_text() == "abstained: futile"
    assert "60 of 128 votes" in page.locator("#details-why").inner_text()
    assert page.locator("#centres tbody tr").count() == 2


def test_a_hostile_name_stays_text(page: Any, asked: list[str]) -> None:
    assert "owned" not in page.title()
    texts = page.locator("#grid .true").all_text_contents()[:10]
    assert "</script><script>document.title='owned'</sc" in texts[0]
    assert page.evaluate("document.querySelectorAll('img, main b').length") == 0
    # The policy of the page: what a name might bring in is not run, even where it gets in.
    page.evaluate(
        "(() => { const s = document.createElement('script'); s.textContent ="
        " 'document.title = 1'; document.body.append(s); })()"
    )
    assert page.title() != "1"
    assert "Content Security Policy" in asked.pop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_screens_need_no_scrolling_sideways(
    browser: Any, files: tuple[Path, Path], asked: list[str], scheme: str
) -> None:
    context = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme}
    page = show(browser, files[0], asked, **context)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.context.close()


def test_two_runs_share_a_page_and_tables_are_sorted_by_their_headings(
    browser: Any, files: tuple[Path, Path], asked: list[str]
) -> None:
    page = show(browser, files[1], asked)
    names = "[...document.querySelectorAll('#results tbody th')].map((one) => one.textContent)"
    assert page.evaluate(names) == ["first", "second"]
    heading = page.locator("#results .sort", has_text="images")
    heading.click()
    assert page.evaluate(names) == ["first", "second"]
    heading.press("Enter")
    assert page.evaluate(names) == ["second", "first"]
    assert page.locator("#results th[aria-sort]").get_attribute("aria-sort") == "ascending"
    assert cards(page) == list(range(30))
    page.locator("select[name=run]").select_option("1")
    assert cards(page) == list(range(20))
    assert page.locator(".thumbnail").count() == 0
    page.context.close()


def test_the_printed_page_shows_the_first_images_and_says_so(page: Any) -> None:
    page.locator("#assumptions").scroll_into_view_if_needed()
    page.emulate_media(media="print")
    assert page.locator("#printed").is_visible()
    assert page.locator("#grid > li:visible").count() == 120
    assert page.locator("#filters").is_hidden()
    assert page.locator("#grid > li").first.get_attribute("aria-posinset") == "1"
    page.emulate_media(media="screen")
    assert len(cards(page)) == IMAGES


def test_nothing_left_the_page_and_its_console_is_silent(page: Any, asked: list[str]) -> None:
    assert len(cards(page)) == IMAGES
    assert asked == []
