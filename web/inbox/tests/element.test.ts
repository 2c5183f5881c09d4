/** The element in a page of another site, whose policy allows no styles and no HTML from strings. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { createUser, eventually, request, send, sendAll, tokenOf } from "../../testing/api.ts";
import { assertAccessible, launch, screenshots, withPage } from "../../testing/browser.ts";
import { EmbeddingSite } from "../../testing/embedding-site.ts";

let site: EmbeddingSite;
let browser: Browser;

before(async () => {
  site = await EmbeddingSite.start();
  browser = await launch({ "embedding.localhost": site.address });
});

after(async () => {
  await browser?.close();
  await site?.stop();
});

const bell = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
const title = (page: Page, text: string) => page.locator("tidings-inbox .title", { hasText: text });
/** What the page's listeners have seen. */
const seen = (page: Page, name: "arrived" | "refused" | "opened"): Promise<string[]> =>
  page.evaluate((name) => (window as never)[name], name);
/** The name of the control that has the focus. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const active = document.activeElement?.shadowRoot?.activeElement ?? document.activeElement;
    return (
      active?.getAttribute("aria-label") ??
      active?.querySelector(".title")?.textContent ??
      active?.textContent ??
      ""
    );
  });

/** The browser says that the network is back: the element connects without waiting for the end of its pause. */
const goOnline = (page: Page) => page.evaluate(() => void dispatchEvent(new Event("online")));

test("a notification arrives live, on all devices, and is read on all devices", async (t) => {
  const user = await createUser();
  await withPage(browser, {}, async (phone) => {
    await phone.goto(site.page(user.token));
    await bell(phone, "Notifications").waitFor();
    await withPage(browser, { width: 390, height: 844 }, async (page) => {
      // The number is asked for once the stream is open, and nothing is polled.
      const counted = page.waitForResponse((response) => response.url().includes("/api/inbox/counts"));
      await page.goto(site.page(user.token, { attributes: 'poll-seconds="3600"' }));
      await counted;
      await bell(page, "Notifications").click();
      await page.getByText("You are up to date").waitFor();
      const lists: string[] = [];
      page.on("request", (request) => {
        if (/\/api\/inbox(\?|$)/.test(request.url())) {
          lists.push(request.url());
        }
      });
      const began = performance.now();
      const id = await send(user, {
        title: "<b>Shipped</b>",
        body: "<img src=x onerror=alert(1)>",
        url: "/orders/7",
      });
      await title(page, "<b>Shipped</b>").waitFor();
      t.diagnostic(`shown ${Math.round(performance.now() - began)} ms after the request began`);
      assert.deepEqual(lists, [], "it came by the stream, and no list was read");
      await bell(page, "Notifications, 1 unread").waitFor();
      await eventually("the event", async () => (await seen(page, "arrived")).join() === id);
      const live = page.locator("tidings-inbox [aria-live=polite]");
      assert.equal(await live.textContent(), "New notification: <b>Shipped</b>");
      assert.equal(
        await page.locator("tidings-inbox a").getAttribute("href"),
        "http://embedding.localhost/orders/7",
      );
      await bell(phone, "Notifications, 1 unread").waitFor();
      await page.getByRole("button", { name: "Mark as read" }).click();
      await bell(page, "Notifications").waitFor();
      await bell(phone, "Notifications").waitFor();
    });
  });
});

test("a notification in quiet hours is shown and not announced", async () => {
  const user = await createUser();
  const setQuiet = (quiet: object[]) => request("PATCH", `/api/users/${user.id}/settings`, { quiet });
  // Every day but the one three days from now, because they may not last all week.
  const free = ((new Date().getUTCDay() + 2) % 7) + 1;
  const days = [1, 2, 3, 4, 5, 6, 7].filter((day) => day !== free);
  await setQuiet([
    { days, from: "00:00", to: "12:00" },
    { days, from: "12:00", to: "00:00" },
  ]);
  await withPage(browser, {}, async (page) => {
    const stream = page.waitForResponse((response) => response.url().endsWith("/api/inbox/stream"));
    await page.goto(site.page(user.token));
    await stream;
    await bell(page, "Notifications").click();
    await page.getByText("You are up to date").waitFor();
    const live = page.locator("tidings-inbox [aria-live=polite]");
    const quiet = await send(user, { title: "At night" });
    await title(page, "At night").waitFor();
    await eventually("the event", async () => (await seen(page, "arrived")).join() === quiet);
    assert.equal(await live.textContent(), "");
    await setQuiet([]);
    await send(user, { title: "By day" });
    await eventually("both events", async () => (await seen(page, "arrived")).length === 2);
    assert.equal(await live.textContent(), "New notification: By day");
  });
});

test("everything works by the keyboard", async () => {
  const user = await createUser();
  await sendAll(user, [{ title: "First" }, { title: "Second" }, { title: "Third" }]);
  await withPage(browser, {}, async (page) => {
    await page.goto(site.page(user.token));
    await bell(page, "Notifications, 3 unread").waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await title(page, "Third").waitFor();
    await assertAccessible(page);
    // Past "mark all" and "preferences" to the tabs, and from there to the list, which is one stop.
    await page.getByRole("tab", { name: "Unread" }).focus();
    await page.keyboard.press("Tab");
    assert.match(await focused(page), /Third/);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    assert.match(await focused(page), /First/);
    await page.keyboard.press("Home");
    assert.match(await focused(page), /Third/);
    await page.keyboard.press("r");
    await bell(page, "Notifications, 2 unread").waitFor();
    assert.match(await focused(page), /Third/);
    await page.keyboard.press("r");
    await bell(page, "Notifications, 3 unread").waitFor();
    await page.keyboard.press("e");
    await bell(page, "Notifications, 2 unread").waitFor();
    // What is archived leaves the list, and the next one has the focus.
    assert.match(await focused(page), /Second/);
    await page.getByRole("tab", { name: "Unread" }).focus();
    await page.keyboard.press("ArrowLeft");
    assert.equal(await focused(page), "Archived");
    await title(page, "Third").waitFor();
    assert.equal(await title(page, "Second").count(), 0);
    await page.keyboard.press("Escape");
    await title(page, "Third").waitFor({ state: "hidden" });
    assert.equal(await focused(page), "Notifications, 2 unread");
  });
});

test("the page chooses colours by custom properties and parts", async () => {
  const user = await createUser();
  await sendAll(user, [
    { title: "Invoice 2026-1189 is ready" },
    { title: "Anna Berg mentioned you", body: "“Could you look at the figures before the meeting?”" },
    { title: "Your order has shipped!", body: "Order 4711 arrives on Tuesday.", url: "/orders/4711" },
  ]);
  await withPage(browser, {}, async (page) => {
    await page.goto(site.page(user.token, { themed: true }));
    await bell(page, "Notifications, 3 unread").click();
    await title(page, "Your order").waitFor();
    const style = (selector: string, name: string) =>
      page
        .locator(`tidings-inbox ${selector}`)
        .first()
        .evaluate((element, name) => getComputedStyle(element).getPropertyValue(name), name);
    assert.equal(await style(".dot", "background-color"), "rgb(0, 110, 80)");
    assert.equal(await style(".panel", "border-top-left-radius"), "4px");
    assert.equal(await style(".badge", "background-color"), "rgb(0, 0, 120)");
    await page.locator("tidings-inbox").evaluate((element) => element.setAttribute("theme", "dark"));
    assert.equal(await style(".panel", "background-color"), "rgb(24, 27, 33)");
    await page.locator("tidings-inbox").evaluate((element) => element.setAttribute("theme", "light"));
    assert.equal(await style(".panel", "background-color"), "rgb(255, 255, 255)");
    await page.locator("tidings-inbox").evaluate((element) => element.removeAttribute("theme"));
    await screenshots(page, "embedded");
  });
});

test("a token that is refused is replaced", async () => {
  const user = await createUser();
  await sendAll(user, [{ title: "Hello" }]);
  const expired = tokenOf(user.id, -3600);
  await withPage(browser, { expectedErrors: /status of 401/ }, async (page) => {
    await page.goto(site.page(expired));
    const signedOut = page.locator("tidings-inbox [part=status]", { hasText: "Please sign in again" });
    await signedOut.waitFor({ state: "attached" });
    await page.evaluate((token) => {
      Object.assign(window, { nextToken: token });
      (document.querySelector("tidings-inbox") as HTMLElement & { refresh(): void }).refresh();
    }, user.token);
    await bell(page, "Notifications, 1 unread").waitFor();
    assert.ok((await seen(page, "refused")).every((token) => token === expired));
    assert.equal(await signedOut.count(), 0);
  });
});

test("a stream that is cut resumes where it was, and the inbox is polled meanwhile", async () => {
  const user = await createUser();
  await withPage(browser, { expectedErrors: /api\/inbox\/stream|ERR_/ }, async (page) => {
    site.lastEventIds.length = 0;
    site.streamsOpened = 0;
    await page.goto(site.page(user.token, { proxied: true, attributes: 'poll-seconds="1"' }));
    await eventually("a stream", () => site.streamsOpened === 1);
    const first = await send(user, { title: "First" });
    await bell(page, "Notifications, 1 unread").waitFor();
    await eventually("the first event", async () => (await seen(page, "arrived")).length === 1);

    site.refusesStreams = true;
    assert.equal(site.cutStreams(), 1);
    await eventually("another try", async () => {
      await goOnline(page);
      return site.lastEventIds.length >= 2;
    });
    const second = await send(user, { title: "Second" });
    await bell(page, "Notifications, 2 unread").waitFor();
    assert.deepEqual(await seen(page, "arrived"), [first], "the bell knows of it by polling");

    site.refusesStreams = false;
    await eventually("the second event", async () => {
      await goOnline(page);
      return (await seen(page, "arrived")).length === 2;
    });
    assert.deepEqual(await seen(page, "arrived"), [first, second]);
    const [beginning, ...resumed] = site.lastEventIds;
    assert.equal(beginning, undefined);
    assert.ok(
      resumed.every((id) => id !== undefined),
      String(resumed),
    );
  });
});

test("a device that was offline shows what it has missed", async () => {
  const user = await createUser();
  await withPage(browser, { expectedErrors: /ERR_/ }, async (page) => {
    site.streamsOpened = 0;
    await page.goto(site.page(user.token, { proxied: true }));
    await eventually("a stream", () => site.streamsOpened === 1);
    const first = await send(user, { title: "First" });
    await eventually("the first event", async () => (await seen(page, "arrived")).length === 1);
    await bell(page, "Notifications, 1 unread").click();
    await title(page, "First").waitFor();

    await page.context().setOffline(true);
    site.cutStreams();
    await page.locator("tidings-inbox [part=status]", { hasText: "Reconnecting…" }).waitFor();
    const missed = [await send(user, { title: "Second" }), await send(user, { title: "Third" })];
    await eventually("the inbox has both", async () => {
      const { unread } = await request<{ unread: number }>("GET", `/api/inbox/counts?userId=${user.id}`);
      return unread === 3 || unread;
    });
    assert.deepEqual(await seen(page, "arrived"), [first]);
    assert.equal(await page.locator("tidings-inbox li").count(), 1);

    await page.context().setOffline(false);
    await eventually("both events", async () => (await seen(page, "arrived")).length === 3);
    assert.deepEqual((await seen(page, "arrived")).sort(), [first, ...missed].sort());
    for (const text of ["First", "Second", "Third"]) {
      await title(page, text).waitFor();
    }
    await bell(page, "Notifications, 3 unread").waitFor();
    await page.locator("tidings-inbox [part=status]").waitFor({ state: "hidden" });
    assert.equal(await page.locator("tidings-inbox li").count(), 3);
  });
});

test("a page chooses the list and the texts, opens and closes the inbox, and may keep links to itself", async () => {
  type Inbox = HTMLElement & { labels: object; open(): void; close(): void };
  const user = await createUser();
  await sendAll(user, [{ title: "Invoice" }, { title: "Shipped", url: "/orders/7" }]);
  await withPage(browser, {}, async (page) => {
    await page.goto(site.page(user.token, { attributes: 'filter="all"' }));
    await bell(page, "Notifications, 2 unread").waitFor();
    const inbox = page.locator("tidings-inbox");
    await inbox.evaluate((element) => {
      const inbox = element as Inbox;
      inbox.labels = { title: "Mitteilungen", all: "Alle", bell: (unread: number) => `${unread} neue` };
      const opened: string[] = [];
      Object.assign(window, { opened });
      inbox.addEventListener("tidings-open", (event) => {
        const { item, link } = (event as CustomEvent).detail;
        opened.push(`${item.payload.title}: ${link}`);
        event.preventDefault();
      });
    });
    await bell(page, "2 neue").waitFor();
    await inbox.evaluate((element) => (element as Inbox).open());
    await page.getByRole("dialog", { name: "Mitteilungen" }).waitFor();
    await page.getByRole("tab", { name: "Alle", selected: true }).waitFor();
    // What the page does not replace is English.
    await page.getByRole("tab", { name: "Unread", selected: false }).waitFor();
    await title(page, "Invoice").waitFor();
    await inbox.evaluate((element) => (element as Inbox).close());
    await title(page, "Invoice").waitFor({ state: "hidden" });

    await bell(page, "2 neue").click();
    const before = page.url();
    await page.locator("tidings-inbox a", { hasText: "Shipped" }).click();
    await bell(page, "1 neue").waitFor();
    assert.deepEqual(await seen(page, "opened"), ["Shipped: http://embedding.localhost/orders/7"]);
    assert.equal(page.url(), before);
    // What was read stays in this list.
    await bell(page, "1 neue").click();
    await title(page, "Shipped").waitFor();
    assert.equal(await page.locator("tidings-inbox li").count(), 2);
  });
});
