/** The session of the dashboard in the hands of another site. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { createUser, request } from "../../testing/api.ts";
import { launch } from "../../testing/browser.ts";
import { apiUrl } from "../../testing/environment.ts";
import { login } from "./page.ts";

let browser: Browser;
/** A site of somebody else on the same host: browsers send it the cookies of the host, `SameSite=Strict` ones, too. */
const site = createServer((_, response) => {
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.end(`<!doctype html><title>A game</title><link rel="icon" href="data:,"><form method="post"
    enctype="text/plain"><input name="text"></form>`);
});

before(async () => {
  browser = await launch();
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
});

after(async () => {
  await browser?.close();
  site.closeAllConnections();
  await new Promise((resolve) => site.close(resolve));
});

/** Makes the page request something. Returns the status of the response: without the cookie, it would be 401. */
async function status(page: Page, method: string, path: string, act: () => Promise<unknown>) {
  const [response] = await Promise.all([
    page.waitForResponse((one) => one.url() === apiUrl + path && one.request().method() === method),
    act(),
  ]);
  return response.status();
}

/** What a page of another origin gets with the cookie. */
async function assertRefused(context: BrowserContext) {
  const user = await createUser();
  const page = await context.newPage();
  const address = `http://127.0.0.1:${(site.address() as AddressInfo).port}/`;
  await page.goto(address);
  const get = (path: string) =>
    page.evaluate(
      (url) => fetch(url, { mode: "no-cors", credentials: "include" }).catch(() => null),
      apiUrl + path,
    );
  const post = (path: string, body: unknown) =>
    page.evaluate(
      ([url, text]) =>
        fetch(url, { method: "POST", mode: "no-cors", credentials: "include", body: text }).catch(() => null),
      [apiUrl + path, JSON.stringify(body)] as const,
    );
  const notification = { targetUserId: user.id, type: "in-app", payload: { text: "Stolen" } };
  assert.equal(await status(page, "GET", "/api/overview", () => get("/api/overview")), 403);
  for (const [path, body] of [
    ["/api/notifications", notification],
    ["/api/dead-letters/replay", { filter: { all: true } }],
    ["/api/sending/stop", { channel: "email", reason: "stolen" }],
  ] as const) {
    assert.equal(await status(page, "POST", path, () => post(path, body)), 403, path);
  }
  // A form may be sent without the header that a script would need.
  const path = "/api/template-drafts/preview/html";
  const submit = () =>
    page.evaluate((url) => {
      const form = document.forms[0];
      if (form) {
        form.action = url;
        form.submit();
      }
    }, apiUrl + path);
  assert.equal(await status(page, "POST", path, submit), 403, path);
  const { notifications } = await request<{ notifications: unknown[] }>(
    "GET",
    `/api/notifications?targetUserId=${user.id}`,
  );
  assert.deepEqual(notifications, []);
}

test("another origin can use the session neither in the browser that has it nor with a stolen cookie", async () => {
  const context = await browser.newContext();
  try {
    await login(await context.newPage(), "admin");
    const cookies = await context.cookies(apiUrl);
    const session = cookies.find(({ name }) => name === "tidings");
    assert.deepEqual([session?.httpOnly, session?.sameSite], [true, "Strict"]);
    await assertRefused(context);
    const thief = await browser.newContext();
    await thief.addCookies(cookies);
    await assertRefused(thief);
    await thief.close();
  } finally {
    await context.close();
  }
});
