/** What single pages of the dashboard do, and that a keyboard is enough for all of them. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { createUser, eventually, request, send } from "../../testing/api.ts";
import { assertAccessible, launch, screenshots, withPage } from "../../testing/browser.ts";
import { button, dashboard, dialog, heading, login } from "./page.ts";

let browser: Browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

/** Creates a template for e-mails. */
async function createTemplate(): Promise<string> {
  const name = `t-${randomUUID()}`;
  const html = "<style>b { color: #064 }</style>\n<p>Hello <b>{{ name }}</b></p>";
  const body = { subject: "Hello {{ name }}", text: "Hello {{ name }}", html };
  await request("PUT", `/api/templates/${name}/email/default`, body);
  return name;
}

test("what the recipient reads is shown on request, its HTML in a frame, and each reading is audited", async () => {
  const [user, template] = await Promise.all([createUser(), createTemplate()]);
  const id = await send(user, { name: "<Anna>" }, { type: "email", template: { name: template } });
  await eventually("the notification is recorded", async () => {
    const found = await request<{ notifications: unknown[] }>(
      "GET",
      `/api/notifications?targetUserId=${user.id}`,
    );
    return found.notifications.length === 1;
  });
  // The browser that is driven by tests runs a script in each frame, which this frame does not allow.
  const expectedErrors = /^Blocked script execution in '[^']+\/content\/html'/;
  await withPage(browser, { expectedErrors }, async (page) => {
    await login(page, "viewer");
    await page.goto(`${dashboard}/notifications/${id}`);
    await button(page, "Show what the recipient reads").click();
    const preview = page.locator(".preview");
    await preview.locator(".subject").getByText("Hello <Anna>").waitFor();
    await page.frameLocator('iframe[title="The e-mail"]').getByText("Hello <Anna>").waitFor();
    await preview.getByRole("link", { name: template }).waitFor();
    await screenshots(page, "dashboard-content");
    const { entries } = await request<{ entries: unknown[] }>("GET", `/api/audit?target=${id}`);
    assert.equal(entries.length, 1, "the HTML is a part of the same reading");
  });
});

test("a template shows an error at its line while it is written, and the e-mail in two widths", async () => {
  const name = await createTemplate();
  await withPage(browser, {}, async (page) => {
    await login(page, "operator");
    const requests = { preview: 0, frame: 0 };
    page.on("request", (sent) => {
      const path = new URL(sent.url()).pathname;
      requests.preview += Number(path === "/api/template-drafts/preview");
      requests.frame += Number(path === "/api/template-drafts/preview/html");
    });
    await page.goto(`${dashboard}/templates/${name}?channel=email&locale=default`);
    const frame = (width: number) =>
      page.frameLocator(`iframe[title="The e-mail, ${width} pixels wide"]`).locator("p");
    for (const width of [320, 600]) {
      await frame(width).getByText("Hello name").waitFor();
    }
    const steps = await page.evaluate(() => history.length);
    const text = page.getByLabel("Text", { exact: true });
    await text.fill("Hello {{ name }},\n\nyour order {{ order.number }}\n");
    const place = page.getByRole("button", { name: /^Line 3(, column \d+)?$/ });
    await place.waitFor();
    await page.getByText(/^the variable order(\.number)? is missing$/).waitFor();
    assert.deepEqual(await page.locator(".source li.bad").allTextContents(), ["3"]);
    assert.deepEqual(requests, { preview: 2, frame: 2 }, "the HTML is the same");
    await screenshots(page, "dashboard-template");
    await place.click();
    const selected = await text.evaluate(
      (area: HTMLTextAreaElement) => area.value.slice(0, area.selectionStart).split("\n").length,
    );
    assert.equal(selected, 3);

    // A part that is right is rendered all the same.
    await page.getByLabel("HTML", { exact: true }).fill("<p>Dear {{ name }}</p>");
    for (const width of [320, 600]) {
      await frame(width).getByText("Dear name").waitFor();
    }
    await text.fill("Hello {{ name }}");
    await place.waitFor({ state: "detached" });
    assert.deepEqual(
      requests,
      { preview: 4, frame: 4 },
      "each pause is one request, and one for each frame that changes",
    );
    assert.equal(await page.evaluate(() => history.length), steps, "frames add no steps back");
    await button(page, "Save").click();
    await page.getByRole("heading", { name: "Version 2" }).waitFor();
    await button(page, "Compare").click();
    await page.getByText("From version 1 to version 2").waitFor();
  });
});

test("the system page has findings with remedies, the retention and the settings without secrets", async () => {
  await withPage(browser, {}, async (page) => {
    await login(page);
    await page.goto(`${dashboard}/system`);
    await page.getByText(/^\d+ checks? without a finding$/).click();
    await page.getByText("the schema is up to date").waitFor();
    await page.getByLabel("Name contains").fill("jwt_secret");
    const row = page.getByRole("row", { name: /JWT_SECRET/ });
    await row.getByText("set, and not shown").waitFor();
    await page.getByLabel("Name contains").fill("");
    await page.getByText("Last sweep").waitFor();
    await screenshots(page, "dashboard-system");

    await login(page, "viewer");
    await page.goto(`${dashboard}/system`);
    await page.getByText(/without a finding$/).waitFor();
    assert.equal(await page.getByRole("heading", { name: "Settings" }).count(), 0);
  });
});

test("an admin changes what a user receives and where, and recovers a user whose deletion waits", async () => {
  const user = await createUser();
  await withPage(browser, {}, async (page) => {
    await login(page);
    await page.goto(`${dashboard}/users/${user.id}`);
    await button(page, "Add phone number…").click();
    await dialog(page).getByLabel("Phone number").fill("+4915112345678");
    await button(page, "Add").click();
    await page.getByText("Phone: +4915112345678").waitFor();

    const all = page.getByLabel("All others by email");
    await all.selectOption("no");
    await eventually("the preference", async () => {
      const { preferences } = await request<{ preferences: { channel: string; enabled: boolean }[] }>(
        "GET",
        `/api/users/${user.id}/preferences`,
      );
      return preferences.some(({ channel, enabled }) => channel === "email" && !enabled);
    });

    await button(page, "Change quiet hours…").click();
    await button(page, "Add a time").click();
    await dialog(page).getByLabel("Sun").uncheck();
    await dialog(page).getByLabel("To", { exact: true }).fill("06:30");
    await assertAccessible(page);
    await button(page, "Save").click();
    await page.getByText("Mon Tue Wed Thu Fri Sat 22:00 to 06:30").waitFor();
    await screenshots(page, "dashboard-user");

    await button(page, "Delete…").click();
    const name = await dialog(page).locator("strong").textContent();
    await dialog(page)
      .getByLabel(/^Type/)
      .fill(name ?? "");
    await button(page, "Delete the user").click();
    await page.getByText("The user is to be deleted").waitFor();
    await button(page, "Recover…").click();
    await button(page, "Recover the user").click();
    await page.getByText("The user is to be deleted").waitFor({ state: "detached" });
    const { deletion } = await request<{ deletion: unknown }>("GET", `/api/users/${user.id}/deletion`);
    assert.equal(deletion, null);
  });
});

/** Notes which elements get the focus, and those on which nobody would see it. */
function noteFocus(page: Page) {
  return page.addInitScript(() => {
    const seen = new Set<Element>();
    const invisible: string[] = [];
    addEventListener(
      "focusin",
      ({ target }) => {
        if (!(target instanceof Element) || seen.has(target)) {
          return;
        }
        seen.add(target);
        const { outlineStyle, outlineWidth } = getComputedStyle(target);
        if (target.matches(":focus-visible") && (outlineStyle === "none" || outlineWidth === "0px")) {
          invisible.push(target.outerHTML.slice(0, 200));
        }
      },
      true,
    );
    Object.assign(window, { focusNotes: { seen, invisible } });
  });
}

interface FocusNotes {
  seen: Set<Element>;
  invisible: string[];
}

/** What a page shows that can be used and has not had the focus, without what frames show. */
function unreached(page: Page) {
  return page.evaluate(() => {
    const { seen } = (window as unknown as { focusNotes: FocusNotes }).focusNotes;
    const usable = "a[href], button, input, select, textarea, summary, [tabindex='0']";
    return [...document.querySelectorAll(usable)]
      .filter((one) => one.checkVisibility() && !one.matches(":disabled, [tabindex='-1'], .skip"))
      .filter((one) => !seen.has(one))
      .map((one) => one.outerHTML.slice(0, 200));
  });
}

/** Presses Tab until everything of the page has had the focus. Something that keeps the focus would be a trap. */
async function walk(page: Page, title: string) {
  // Frames take the focus, too. Twice as many steps as there are elements are more than enough, unless one is a trap.
  const count = await page
    .locator("a[href], button, input, select, textarea, summary, [tabindex='0'], iframe")
    .count();
  let left: string[] = [];
  for (let presses = 0; presses < 2 * count + 20; presses += 20) {
    for (let press = 0; press < 20; press += 1) {
      await page.keyboard.press("Tab");
    }
    left = await unreached(page);
    if (left.length === 0) {
      break;
    }
  }
  assert.deepEqual(left, [], `${title}: the keyboard does not reach these`);
  const notes = await page.evaluate(
    () => (window as unknown as { focusNotes: FocusNotes }).focusNotes.invisible,
  );
  assert.deepEqual(notes, [], `${title}: the focus cannot be seen`);
}

/** The name of the link or button that has the focus. */
function focusedName(page: Page) {
  return page.evaluate(() => {
    const active = document.activeElement;
    if (!active?.matches("a, button")) {
      return "";
    }
    return (active.getAttribute("aria-label") ?? active.textContent ?? "").trim();
  });
}

/** Moves the focus by Tab until it is on a link or button of this name, and presses Enter. */
async function enter(page: Page, name: RegExp | string): Promise<string> {
  for (let presses = 0; presses < 400; presses += 1) {
    const focused = await focusedName(page);
    if (typeof name === "string" ? focused === name : name.test(focused)) {
      await page.keyboard.press("Enter");
      return focused;
    }
    await page.keyboard.press("Tab");
  }
  return assert.fail(`Tab never reaches ${String(name)}`);
}

/** Opens the first dialog of a page, and closes it. The focus stays in it, and returns to what has opened it. */
async function openDialog(page: Page, title: string) {
  const opener = page.locator("main").getByRole("button", { name: /…$/, disabled: false });
  if ((await opener.count()) === 0) {
    return;
  }
  const name = await enter(page, /…$/);
  await dialog(page).waitFor();
  for (let press = 0; press < 8; press += 1) {
    await page.keyboard.press("Tab");
    const isInside = await page.evaluate(() => {
      const active = document.activeElement;
      return active === document.body || active?.closest("dialog") !== null;
    });
    assert.ok(isInside, `${title}: the focus leaves the dialog of ${name}`);
  }
  await page.keyboard.press("Escape");
  await dialog(page).waitFor({ state: "detached" });
  assert.equal(await focusedName(page), name, `${title}: the focus returns`);
}

const WALKED = [
  "Notifications",
  "Dead letters",
  "Jobs",
  "Templates",
  "Endpoints",
  "Users",
  "Categories",
  "Schedules",
  "API keys",
  "Audit",
  "System",
  "Send",
  "Overview",
];

test("the keyboard alone reaches everything of every page, and leaves it again", async () => {
  const [user, template] = await Promise.all([createUser(), createTemplate()]);
  const id = await send(user, { title: "Hello" });
  await withPage(browser, {}, async (page) => {
    await noteFocus(page);
    await login(page);
    // Otherwise rows come and go while the keyboard walks.
    await enter(page, "Live");
    const loaded = () => eventually("the page", async () => (await page.getByText("Loading…").count()) === 0);
    for (const title of WALKED) {
      await enter(page, title);
      await heading(page, title).waitFor();
      await loaded();
      await walk(page, title);
      await openDialog(page, title);
    }
    for (const path of [
      `notifications/${id}`,
      `users/${user.id}`,
      `templates/${template}?channel=email&locale=default`,
    ]) {
      await page.goto(`${dashboard}/${path}`);
      await page.locator("main h2").first().waitFor();
      await loaded();
      await enter(page, "Live");
      await walk(page, path);
      await openDialog(page, path);
    }
  });
});
