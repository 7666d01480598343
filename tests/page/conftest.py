"""The browser and the page that all tests of views open."""

from tests.page.test_page import browser, show, usual

__all__ = ["browser", "show", "usual"]
