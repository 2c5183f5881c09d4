/**
 * The pictures of the README: sends a demo load to a running installation, and takes a picture of the overview, light and dark.
 * `scripts/screenshot.sh` runs it.
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { chromium } from "playwright-core";

function required(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: run scripts/screenshot.sh`);
  return value;
}

const api = required("API_URL");
const token = required("TOKEN");
const folder = required("FOLDER");
const minutes = Number(required("MINUTES"));

/** A demo user, who has contacts on every channel. */
const USER = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a";

const PAYLOADS = {
  "in-app": { title: "Your order has shipped!" },
  email: { subject: "Your order", text: "It has shipped!" },
  sms: { text: "Your order has shipped!" },
  push: { title: "Your order", body: "It has shipped!" },
  webhook: { event: "order.shipped", data: { order: 7 } },
};

/** How many of 20 notifications a channel gets. */
const SHARES = { "in-app": 8, email: 5, sms: 3, push: 2, webhook: 2 };

const CHANNELS = Object.entries(SHARES).flatMap(([channel, share]) =>
  Array.from({ length: share }, () => channel as keyof typeof PAYLOADS),
);

async function request(path: string, body: unknown) {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const response = await fetch(api + path, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  assert.ok(response.ok, `${path}: ${response.status} ${text}`);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A notification; one of 200 names a template that does not exist, and one of 400 a user. */
function notification(number: number) {
  const type = CHANNELS[(number * 7) % CHANNELS.length] ?? "in-app";
  if (number % 200 === 99) {
    return { targetUserId: USER, type: "email", template: { name: "order-shiped" }, payload: {} };
  }
  return { targetUserId: number % 400 === 150 ? randomUUID() : USER, type, payload: PAYLOADS[type] };
}

async function load() {
  const [began, until] = [Date.now(), Date.now() + minutes * 60_000];
  let number = 0;
  let isStopped = false;
  for (let due = began; due < until; due += 1000) {
    await pause(due - Date.now());
    const count = Math.round(
      60 + 25 * Math.sin((due - began) / 60_000) + 10 * Math.sin((due - began) / 11_000),
    );
    const notifications = Array.from({ length: count }, () => notification(number++));
    await request("/api/notifications/batch", { notifications });
    // What an operator does towards the end, so that the overview has something to say.
    if (!isStopped && due > until - 45_000) {
      isStopped = true;
      await request("/api/sending/stop", { channel: "push", reason: "new credentials" });
    }
    if (number % 600 < count) {
      process.stderr.write(`${Math.round((until - due) / 1000)} s remain\n`);
    }
  }
}

async function pictures() {
  const browser = await chromium.launch({
    executablePath: required("BROWSER"),
    args: [
      "--no-sandbox",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-proxy-server",
    ],
  });
  const context = await browser.newContext({
    viewport: { width: 1440, height: 1180 },
    locale: "en-GB",
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  await page.goto(required("LINK"));
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  const at = (ms: number) => new Date(Math.floor(ms / 60_000) * 60_000).toISOString();
  const [from, to] = [at(Date.now() - (minutes - 1) * 60_000), at(Date.now())];
  await page.goto(`${api}/dashboard/?chartFrom=${from}&chartTo=${to}`);
  await page
    .getByRole("table", { name: "Channels" })
    .or(page.getByRole("heading", { name: "Channels" }))
    .first()
    .waitFor();
  await page.waitForLoadState("networkidle");
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    // The charts are drawn again in other colours.
    await page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
    await page.screenshot({ path: join(folder, `overview-${colorScheme}.png`) });
  }
  await browser.close();
}

// The link is valid for less time than the load may take.
if (process.argv[2] === "load") {
  await load();
} else {
  await pictures();
  await request("/api/sending/start", { channel: "push" });
}
