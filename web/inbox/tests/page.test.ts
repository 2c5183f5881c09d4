/** The page `/inbox`, as the API serves it. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { createUser, eventually, request, sendAll, type TestUser } from "../../testing/api.ts";
import { launch, screenshots, withPage } from "../../testing/browser.ts";
import { apiUrl } from "../../testing/environment.ts";

let browser: Browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

async function signIn(page: Page, { email, password }: TestUser) {
  await page.getByLabel("E-mail address or user name").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

const item = (page: Page, text: string) => page.locator("tidings-inbox li", { hasText: text });

const MESSAGES = [
  { title: "Weekly report", body: "18 visitors, 3 orders" },
  { title: "Backup finished", body: "All 12 databases" },
  {
    title: "New sign-in from Firefox on Linux",
    body: "If this was not you, change your password. Somebody in Berlin has signed in with your name for the first time.",
  },
  { title: "Invoice 2026-1189 is ready", url: "/invoices/1189" },
  { title: "Anna Berg mentioned you", body: "“Could you look at the figures before the meeting?”" },
  { title: "Your order has shipped!", body: "Order 4711 arrives on Tuesday.", url: "/orders/4711" },
];

test("a user signs in, reads, archives and signs out, and nothing remains in the browser", async () => {
  const user = await createUser();
  await sendAll(user, MESSAGES);
  await withPage(browser, { expectedErrors: /status of 401.*auth\/login/ }, async (page) => {
    await page.goto(`${apiUrl}/inbox`);
    await screenshots(page, "sign-in");
    await signIn(page, { ...user, password: "not the password" });
    await page.getByRole("alert").getByText("The name or the password is wrong.").waitFor();
    await signIn(page, user);
    await item(page, "Your order has shipped!").waitFor();
    await eventually("the title", async () => (await page.title()) === "(6) Inbox" || page.title());

    // A click reads it, and it stays where it is until the list is loaded again.
    await item(page, "Anna Berg").getByRole("button", { name: "Unread: Anna Berg mentioned you" }).click();
    await eventually("the title", async () => (await page.title()) === "(5) Inbox" || page.title());
    await item(page, "Weekly report").hover();
    await item(page, "Weekly report").getByRole("button", { name: "Archive" }).click();
    await item(page, "Weekly report").waitFor({ state: "detached" });
    await page.getByRole("tab", { name: "Archived" }).click();
    await item(page, "Weekly report").waitFor();
    await page.getByRole("tab", { name: "All" }).click();
    await item(page, "Backup finished").waitFor();
    assert.equal(await page.locator("tidings-inbox li").count(), 6);
    await screenshots(page, "inbox");

    await page.getByRole("button", { name: "Mark all as read" }).click();
    await eventually("the title", async () => (await page.title()) === "Inbox" || page.title());
    const counts = await request("GET", `/api/inbox/counts?userId=${user.id}`);
    assert.deepEqual(counts, { unread: 0, capped: false });
    await page.getByRole("tab", { name: "Unread" }).click();
    await page.getByText("You are up to date").waitFor();

    const stored = () => page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]);
    assert.deepEqual(await stored(), [0, 0, ""]);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    assert.equal(await page.locator("tidings-inbox").count(), 0);
    assert.deepEqual(await stored(), [0, 0, ""]);
  });
});

test("more than a page is shown on request", async () => {
  const user = await createUser();
  await sendAll(
    user,
    Array.from({ length: 23 }, (_, index) => ({ title: `Number ${index + 1}.` })),
  );
  await withPage(browser, {}, async (page) => {
    await page.goto(`${apiUrl}/inbox`);
    await signIn(page, user);
    await item(page, "Number 23.").waitFor();
    assert.equal(await page.locator("tidings-inbox li").count(), 20);
    await page.getByRole("button", { name: "Show more" }).click();
    await item(page, "Number 1.").waitFor();
    assert.equal(await page.locator("tidings-inbox li").count(), 23);
    assert.equal(await page.getByRole("button", { name: "Show more" }).count(), 0);
  });
});

test("a session that has ended leads back to the form", async () => {
  const user = await createUser();
  await sendAll(user, [{ title: "Hello" }]);
  await withPage(browser, { expectedErrors: /status of 401/ }, async (page) => {
    await page.goto(`${apiUrl}/inbox`);
    await signIn(page, user);
    await item(page, "Hello").waitFor();
    const login = await fetch(`${apiUrl}/api/auth/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ email: user.email, password: user.password }),
    });
    const { accessToken } = await login.json();
    const ended = await fetch(`${apiUrl}/api/auth/logout-all`, {
      method: "POST",
      headers: { Authorization: `Bearer ${accessToken}` },
    });
    assert.equal(ended.status, 204);
    // The API refuses the token soon, and the refresh token at once. Each tab asks the API.
    const alert = page.getByRole("alert").getByText("Your session has ended.");
    await eventually("the form", async () => {
      const tab = page.getByRole("tab", { name: /All|Unread/, selected: false });
      await tab.click({ timeout: 500 }).catch(() => undefined);
      return alert.isVisible();
    });
  });
});
