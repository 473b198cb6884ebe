"""Someone before the page: what they do, and what they see."""

import base64
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from browser.site import Site

TRANSFER = """(files) => {
  const transfer = new DataTransfer();
  for (const [name, type, bytes] of files.pictures)
    transfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, {type}));
  if (files.text) transfer.setData('text/plain', files.text);
  return transfer;
}"""
DROP = """(transfer) => {
  for (const kind of ['dragover', 'drop'])
    document.body.dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
}"""
PASTE = """(transfer) => (document.activeElement ?? document.body).dispatchEvent(
  new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true, cancelable: true}))"""
SAY = """async ([key, values]) => (await import('/static/core/i18n.js')).text(key, values)"""
RESULTS = "#search-results .card:not(.skeleton):not([hidden])"
LISTED = "#library-list .card:not(.skeleton):not([hidden])"
LOCALES = {"en": "en-US", "zh": "zh-CN"}
HEIGHTS = {1440: 900, 390: 844}


@dataclass(frozen=True)
class Look:
    language: str
    width: int
    scheme: str

    def __str__(self):
        return f"{self.language}-{self.width}-{self.scheme}"

    def options(self) -> dict:
        phone = self.width < 1000
        viewport = {"width": self.width, "height": HEIGHTS[self.width]}
        return {
            "viewport": viewport,
            "locale": LOCALES[self.language],
            "color_scheme": self.scheme,
            "has_touch": phone,
        }


@dataclass
class Visitor:
    """`wrongs`: what the page complained of in the console, and requests to other hosts."""

    page: object
    site: Site
    expect: object
    url: str
    forgiven: tuple[str, ...] = ()
    wrongs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listeners = {"console": self._hear, "pageerror": self._note, "request": self._check_host}
        for event, listener in self._listeners.items():
            self.page.on(event, listener)

    def _hear(self, said: object) -> None:
        if said.type in {"error", "warning"}:
            self._note(f"{said.text} {said.location['url']}")

    def _note(self, complaint: object) -> None:
        if not any(word in str(complaint) for word in self.forgiven):
            self.wrongs.append(str(complaint))

    def _check_host(self, request: object) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != urlsplit(self.url).netloc:
            self._note(f"asked another host: {request.url}")

    def go(self, path: str = "/") -> "Visitor":
        self.page.goto(path)
        self.page.locator("#search-collection option").nth(1).wait_for(state="attached")
        self.page.locator("main > section:not([hidden]):not([inert])").wait_for(state="attached")
        return self

    def leave(self, *, close: bool) -> None:
        """As if never here: what the browser keeps is forgotten."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        self.page.goto("about:blank")
        self.page.unroute_all()
        devtools = self.page.context.new_cdp_session(self.page)
        devtools.send("Storage.clearDataForOrigin", {"origin": self.url, "storageTypes": "local_storage,indexeddb"})
        devtools.detach()
        self.page.context.clear_permissions()
        if close:
            self.page.close()

    def say(self, key: str, **values: object) -> str:
        return self.page.evaluate(SAY, [key, values])

    def button(self, key: str, within: object = None, **values: object):
        return (within or self.page).get_by_role("button", name=self.say(key, **values), exact=True)

    def field(self, key: str, within: object = None):
        place, name = within or self.page, self.say(key)
        return place.get_by_role("combobox", name=name, exact=True).or_(
            place.get_by_role("textbox", name=name, exact=True)
        )

    @property
    def results(self):
        return self.page.locator(RESULTS)

    @property
    def listed(self):
        return self.page.locator(LISTED)

    def ids(self, cards: object = None) -> list[str]:
        """What the cards say of their ids."""
        return (cards or self.results).locator(".card-tail > :first-child").all_inner_texts()

    def transfer(self, *pictures: tuple[str, bytes], text: str = ""):
        files = [[name, "image/png", base64.b64encode(data).decode()] for name, data in pictures]
        return self.page.evaluate_handle(TRANSFER, {"pictures": files, "text": text})

    def drop(self, *pictures: tuple[str, bytes]) -> None:
        self.page.evaluate(DROP, self.transfer(*pictures))

    def paste(self, *pictures: tuple[str, bytes], text: str = "") -> None:
        self.page.evaluate(PASTE, self.transfer(*pictures, text=text))

    def search(self, data: bytes, name: str = "mine.png") -> None:
        """By dropping, and until the answer is there."""
        self.drop((name, data))
        self.settle()

    def settle(self) -> None:
        """Until what is looked for has been answered."""
        self.expect(self.page.locator("#search[data-state=asked]")).to_have_count(1)
        self.expect(self.page.locator("#search-summary")).to_be_visible()
        self.expect(self.page.locator("#search-summary")).not_to_have_text(self.say("search.running"))
        self.expect(self.page.locator("#search-results[aria-busy]")).to_have_count(0)

    def with_options(self) -> None:
        """On a phone they are a tap away."""
        opener = self.page.locator("#search-options-open")
        if opener.is_visible() and opener.get_attribute("aria-expanded") == "false":
            opener.click()

    def overflow(self) -> int:
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
