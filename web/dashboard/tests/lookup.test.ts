/** The box that opens an id, the figures of the overview, and single dead letters. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { createUser, eventually, request, send } from "../../testing/api.ts";
import { launch, screenshots, withPage } from "../../testing/browser.ts";
import { sql } from "../../testing/tool.ts";
import { button, confirmTwice, dashboard, heading, login, OFFLINE } from "./page.ts";

let browser: Browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

/** Types an id into the box by the keyboard alone. */
async function open(page: Page, id: string) {
  await page.keyboard.press("/");
  await page.keyboard.type(id);
  await page.keyboard.press("Enter");
}

const at = (page: Page, path: string) =>
  eventually(path, () => page.url() === dashboard + path || page.url());

test("the box opens whatever has an id, and says what was looked for if nothing has it", async () => {
  const user = await createUser();
  const name = `t-${randomUUID()}`;
  await request("PUT", `/api/templates/${name}/email/default`, { subject: "Hello", text: "Hello" });
  const message = await send(user, { text: "On its way" }, { type: "sms" });
  const endpoint = await request<{ id: string }>("POST", "/api/webhook-endpoints", {
    userId: user.id,
    url: "https://hooks.example.com/lookup",
  });
  const reference = `SM${randomUUID()}`;
  await eventually("the notification is recorded", async () => {
    const { found } = await request<{ found: unknown[] }>("GET", `/api/lookup?id=${message}`);
    return found.length === 1;
  });
  await sql(
    `INSERT INTO delivery_attempts (message_id, attempt, provider, started_at, outcome, provider_reference)
     VALUES ('${message}', 0, 'twilio', now(), 'failed', '${reference}')`,
  );
  await withPage(browser, {}, async (page) => {
    await login(page, "viewer");
    for (const [id, path] of [
      [message, `/notifications/${message}`],
      [` ${reference} `, `/notifications/${message}`],
      [user.id, `/users/${user.id}`],
      [endpoint.id, `/endpoints?id=${endpoint.id}`],
      [name, `/templates/${name}`],
    ] as const) {
      await open(page, id);
      await at(page, path);
    }
    await page.goBack();
    // The page of the search is not in the history: it would open the same again.
    await at(page, `/endpoints?id=${endpoint.id}`);
    await page.getByText("https://hooks.example.com").first().waitFor();

    const unknown = randomUUID();
    await open(page, unknown);
    await page.getByRole("heading", { name: "Nothing has this id" }).waitFor();
    await page.getByText(`${unknown} was looked for as the id of a notification`).waitFor();
    await screenshots(page, "dashboard-lookup-unknown");
  });
});

test("the figures of the overview have a time, and lead to the rows that they count", async () => {
  const user = await createUser();
  await withPage(browser, {}, async (page) => {
    await login(page, "viewer");
    await page.getByText(/^In the minute of \d\d:\d\d UTC, and how many since then/).waitFor();
    const label = page.locator("dt").getByText("Delivered", { exact: true });
    const link = page.locator(".figures > div").filter({ has: label }).getByRole("link").last();
    // Processes save their counts every 10 s, and a minute ends now and then.
    await eventually(
      "something is counted",
      async () => {
        await send(user, { title: "Hello" });
        const text = (await link.textContent()) ?? "";
        return /^[1-9][\d,]* since \d\d:\d\d$/.test(text) || text;
      },
      90,
    );
    await screenshots(page, "dashboard-overview-figures");
    const [text, href] = await link.evaluate((one: HTMLAnchorElement) => [one.textContent, one.href]);
    const { pathname, searchParams } = new URL(href ?? "");
    assert.equal(pathname, "/dashboard/notifications");
    assert.deepEqual([...searchParams.keys()], ["status", "endedFrom"]);
    await link.click();
    await heading(page, "Notifications").waitFor();
    await page.getByLabel("Ended from (UTC)").waitFor();
    await eventually("the rows", async () => (await page.locator("main tbody tr").count()) > 0);
    const shown = Number(text?.split(" ")[0]?.replace(",", ""));
    const query = `status=processed&limit=200&endedFrom=${searchParams.get("endedFrom")}`;
    const { notifications } = await request<{ notifications: unknown[] }>(
      "GET",
      `/api/notifications?${query}`,
    );
    assert.ok(notifications.length >= Math.min(shown, 200), `${notifications.length} of ${shown}`);
  });
});

test("a dead letter without a row is listed, shown and discarded", async () => {
  const id = randomUUID();
  const reason = `test_${id.slice(0, 8)}`;
  await sql(
    `INSERT INTO dead_letters (id, message_id, stage, reason, detail, failed_at, headers, body, body_bytes, sensitive)
     VALUES ('${id}', 'order 17 ${id}', 'intake', '${reason}', 'the body is not JSON', now(), '{}', 'x', 1, false)`,
  );
  await withPage(browser, { expectedErrors: OFFLINE }, async (page) => {
    await login(page, "operator");
    await open(page, `order 17 ${id}`);
    await heading(page, "Dead letter").waitFor();
    await page.goto(`${dashboard}/dead-letters?reason=${reason}`);
    await page.getByText("not recorded; message order 17").waitFor();
    await page.locator(`main a[href="/dashboard/dead-letters?id=${id}"]`).click();
    await heading(page, "Dead letter").waitFor();
    await page.getByText("the body is not JSON").waitFor();
    await page.getByText("so there is no notification to look at").waitFor();
    await screenshots(page, "dashboard-dead-letter");
    await button(page, "Discard…").click();
    await page.getByText(/^It failed/).waitFor();
    await confirmTwice(page, "Discard 1 dead letter");
    const { jobs } = await request<{ jobs: { id: string; kind: string; filter: { ids?: string[] } }[] }>(
      "GET",
      "/api/jobs?limit=50",
    );
    const created = jobs.filter(({ filter }) => filter.ids?.includes(id));
    assert.deepEqual(
      created.map(({ kind, filter }) => [kind, filter.ids]),
      [["purge", [id]]],
    );
    // No worker of these servers runs jobs.
    await request("POST", `/api/jobs/${created[0]?.id}/abort`);
  });
});

test("on a narrow screen the filters are folded, and say that they are in use", async () => {
  await withPage(browser, { width: 390, height: 844 }, async (page) => {
    await login(page, "viewer");
    await page.goto(`${dashboard}/dead-letters`);
    await heading(page, "Dead letters").waitFor();
    const reason = page.locator("search input").first();
    assert.equal(await reason.isVisible(), false);
    await button(page, "Filters").click();
    await reason.fill("unrouted");
    await reason.press("Enter");
    await at(page, "/dead-letters?reason=unrouted");
    await button(page, "Filters (in use)").click();
    assert.equal(await reason.isVisible(), false);
    // A wide screen shows them.
    await page.setViewportSize({ width: 1440, height: 900 });
    await reason.waitFor();
    assert.equal(await button(page, "Filters (in use)").isVisible(), false);
  });
});
