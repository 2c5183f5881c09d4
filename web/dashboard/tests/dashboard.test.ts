/** The dashboard, as the API serves it. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { createUser, eventually, request, send, type TestUser } from "../../testing/api.ts";
import { assertAccessible, launch, screenshots, withPage } from "../../testing/browser.ts";
import { loginLink, sql } from "../../testing/tool.ts";
import { button, dashboard, dialog, heading, login } from "./page.ts";

let browser: Browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

interface Failed {
  id: string;
  reason: string;
  user: TestUser;
}

/** Sends a text message that nothing delivers here, and lets it fail for a reason that nothing else has. */
async function failedNotification(): Promise<Failed> {
  const user = await createUser();
  const id = await send(user, { text: "On its way" }, { type: "sms" });
  await eventually("the notification is recorded", async () => {
    const { notifications } = await request<{ notifications: unknown[] }>(
      "GET",
      `/api/notifications?targetUserId=${user.id}`,
    );
    return notifications.length === 1;
  });
  const reason = `test_${randomUUID().slice(0, 8)}`;
  await sql(
    `UPDATE notifications SET status = 'failed', failure_reason = '${reason}', failed_at = now(),
     error_message = '${reason}: the provider answered with 503' WHERE message_id = '${id}'`,
  );
  return { id, reason, user };
}

test("a link signs in once and leaves the address, and signing out leaves nothing behind", async () => {
  await withPage(browser, { expectedErrors: /status of (401|403)/ }, async (page) => {
    const link = await loginLink("viewer");
    await page.goto(link);
    await heading(page, "Overview").waitFor();
    assert.equal(page.url(), `${dashboard}/`);
    await page.getByText("(viewer)").waitFor();

    await button(page, "Sign out").click();
    await button(page, "Sign in").waitFor();
    await page.goto(link);
    await page.getByRole("alert").getByText("This link has been used or has expired.").waitFor();
    await page.goto(`${dashboard}/jobs`);
    await page.getByLabel("E-mail address").fill("nobody@example.com");
    await page.getByLabel("Password").fill("not the password");
    await button(page, "Sign in").click();
    await page.getByRole("alert").getByText("The e-mail address or the password is wrong.").waitFor();
    const stored = await page.evaluate(() => [
      Object.keys(localStorage).sort(),
      sessionStorage.length,
      document.cookie,
    ]);
    assert.deepEqual(stored, [["tidings-theme", "tidings-zone"], 0, ""]);
  });
});

test("two clicks lead from the overview to the reason of a failure, and three from there to a replay", async () => {
  const { id, reason } = await failedNotification();
  await withPage(browser, {}, async (page) => {
    await login(page, "operator");
    await loaded(page, "Overview");
    await screenshots(page, "dashboard-overview");

    await page.getByRole("link", { name: /Show: .*dead letter/ }).click();
    await page.locator(`main a[href="/dashboard/notifications/${id}"]`).click();
    await page.getByText(`${reason}: the provider answered with 503`).first().waitFor();
    assert.equal(page.url(), `${dashboard}/notifications/${id}`);
    await screenshots(page, "dashboard-notification");

    await button(page, "Replay…").click();
    await dialog(page).getByText(`${reason}: the provider answered with 503`).waitFor();
    await button(page, "Replay 1 dead letter").click();

    // The page stays, and a message leads to the job.
    const job = page.getByRole("link", { name: "Show the job" });
    await job.waitFor();
    assert.equal(page.url(), `${dashboard}/notifications/${id}`);
    const { jobs } = await request<{ jobs: { id: string; kind: string; filter: object }[] }>(
      "GET",
      "/api/jobs?limit=20",
    );
    const created = jobs.find((one) => JSON.stringify(one.filter).includes(id));
    assert.equal(created?.kind, "replay");
    await job.click();
    await heading(page, "Job").waitFor();
    assert.equal(page.url(), `${dashboard}/jobs?id=${created?.id}`);

    // No worker of these servers runs jobs, so it waits until somebody aborts it.
    await page.getByText("It waits for a worker with the stage scheduler.").waitFor();
    await button(page, "Abort…").click();
    await button(page, "Abort, and leave 1 dead letter").click();
    await page.getByText("aborted").waitFor();
  });
});

test("filters are in the address, and what destroys asks first", async () => {
  const { id, reason, user } = await failedNotification();
  await withPage(browser, {}, async (page) => {
    await login(page, "operator");
    await page.keyboard.press("g");
    await page.keyboard.press("d");
    await heading(page, "Dead letters").waitFor();
    await button(page, "Discard all…").click();
    const discard = dialog(page).getByRole("button", { name: /^Discard \d+ dead letters?$/ });
    await discard.waitFor();
    await dialog(page).getByText("There is no filter: this takes all dead letters.").waitFor();
    assert.equal(await discard.isDisabled(), true);
    await dialog(page).getByLabel("Type all to go on").fill("all");
    assert.equal(await discard.isDisabled(), false);
    await button(page, "Back").click();

    await page.keyboard.press("f");
    await page.keyboard.type(reason);
    await page.keyboard.press("Enter");
    await eventually(
      "the address",
      () => page.url() === `${dashboard}/dead-letters?reason=${reason}` || page.url(),
    );
    await button(page, "Discard all that match…").waitFor();
    await eventually("the rows", async () => (await page.locator(`main a[href$="${id}"]`).count()) === 1);
    await screenshots(page, "dashboard-dead-letters");
    await page.reload();
    await eventually("the rows", async () => (await page.locator(`main a[href$="${id}"]`).count()) === 1);

    await page.goto(`${dashboard}/notifications?user=${user.id}`);
    await page.getByLabel("Status").selectOption("pending");
    await page.getByText("No notification matches").waitFor();
    assert.equal(page.url(), `${dashboard}/notifications?user=${user.id}&status=pending`);
    await page.goBack();
    await page.locator(`main a[href$="${id}"]`).waitFor();
    await screenshots(page, "dashboard-notifications");

    // The payload is shown on request, and the request is in the audit log.
    await page.locator(`main a[href$="${id}"]`).click();
    await button(page, "Show the payload").click();
    await page.getByText('"text": "On its way"').waitFor();
    const { entries } = await request<{ entries: unknown[] }>("GET", `/api/audit?target=${id}`);
    assert.equal(entries.length, 1);
  });
});

test("what an endpoint has not received since a time is replayed", async () => {
  const { id, user } = await failedNotification();
  const { id: endpoint } = await request<{ id: string }>("POST", "/api/webhook-endpoints", {
    userId: user.id,
    url: "https://hooks.example.com/tidings",
  });
  await sql(
    `UPDATE notifications SET failed_provider = 'hooks.example.com' WHERE message_id = '${id}';
     INSERT INTO endpoint_failures (endpoint_id, failed_at, message_id)
     SELECT '${endpoint}', failed_at, message_id FROM notifications WHERE message_id = '${id}';
     INSERT INTO endpoint_hours (endpoint_id, hour, delivered, failed, last_delivered_at)
     VALUES ('${endpoint}', date_trunc('hour', now()), 3, 1, now() - interval '2 hours')`,
  );
  await withPage(browser, {}, async (page) => {
    await login(page, "operator");
    await page.goto(`${dashboard}/endpoints?userId=${user.id}`);
    await page.getByText("1 of 4 attempts").waitFor();
    await page.getByText("2 h ago").waitFor();
    await screenshots(page, "dashboard-endpoints");
    await page.getByLabel("State").selectOption("disabled");
    await page.getByText("No endpoint matches").waitFor();
    assert.equal(page.url(), `${dashboard}/endpoints?userId=${user.id}&state=disabled`);
    await page.goBack();

    // Since the last success, unless another time is chosen.
    await button(page, "Replay…").click();
    await button(page, "Count them…").click();
    await dialog(page).getByText("hooks.example.com: 1").waitFor();
    await button(page, "Replay 1 dead letter").click();
    await heading(page, "Job").waitFor();
    const { jobs } = await request<{ jobs: { id: string; filter: Record<string, string> }[] }>(
      "GET",
      "/api/jobs?limit=20&state=pending",
    );
    const job = jobs.find(({ filter }) => filter.endpointId === endpoint);
    assert.ok(job?.filter.from);

    // What the job is about leads to the same dead letters.
    await page.getByRole("link", { name: `endpointId ${endpoint}` }).click();
    await page.locator(`main a[href$="${id}"]`).waitFor();
    await request("POST", `/api/jobs/${job.id}/abort`);
  });
});

test("a paused page and a hidden tab load nothing", async () => {
  await withPage(browser, {}, async (page) => {
    await login(page, "viewer");
    const isOverview = (url: string) => url.endsWith("/api/overview");
    await page.waitForResponse((response) => isOverview(response.url()));
    await page.keyboard.press("p");
    await button(page, "Paused").waitFor();
    const paused: string[] = [];
    page.on("request", (sent) => paused.push(sent.url()));
    // What was asked for before may still be on its way. Then the clock of the page says when another request would be due.
    await page.waitForLoadState("networkidle");
    paused.length = 0;
    await page.clock.install();
    await page.clock.runFor(60_000);
    assert.deepEqual(paused.filter(isOverview), []);

    // Live again, it asks at once when the tab is shown, and not before.
    await setVisibility(page, "hidden");
    await button(page, "Paused").click();
    await page.clock.runFor(60_000);
    assert.deepEqual(paused.filter(isOverview), []);
    const loaded = page.waitForRequest((sent) => isOverview(sent.url()));
    await setVisibility(page, "visible");
    await page.clock.runFor(10_000);
    await loaded;
  });
});

test("a page says since when it has no answer, and how old its data are while it is paused", async () => {
  await withPage(browser, { expectedErrors: /ERR_FAILED/ }, async (page) => {
    await login(page, "viewer");
    await button(page, "Live").waitFor();
    const overview = "**/api/overview";
    await page.route(overview, (route) => route.abort());
    await button(page, /^No answer since \d\d:\d\d:\d\d$/).waitFor();
    await page.unroute(overview);
    await button(page, "Live").waitFor();

    await page.keyboard.press("p");
    await page.getByText(/^Loaded .+ ago$/).waitFor();
    const loaded = page.waitForRequest(overview);
    await page.keyboard.press("r");
    await loaded;
  });
});

/** Tells the page that its tab is hidden or shown, as a browser with a window would. */
function setVisibility(page: Page, state: "hidden" | "visible") {
  return page.evaluate((value) => {
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
}

/** Waits until the page has loaded everything, and checks that nothing of it has failed. */
async function loaded(page: Page, title: string) {
  await eventually(title, async () => (await page.getByText("Loading…").count()) === 0);
  assert.equal(await page.getByRole("alert").count(), 0, title);
}

const PAGES = [
  "Templates",
  "Endpoints",
  "Users",
  "Categories",
  "Schedules",
  "API keys",
  "Audit",
  "System",
  "Send",
];

test("every page shows what its API returns, and a viewer has no buttons that change something", async () => {
  const { user } = await failedNotification();
  await withPage(browser, {}, async (page) => {
    await login(page);
    for (const title of PAGES) {
      await page
        .getByRole("navigation", { name: "Dashboard" })
        .getByRole("link", { name: title, exact: true })
        .click();
      await heading(page, title).waitFor();
      await loaded(page, title);
      await assertAccessible(page);
    }
    await page.goto(`${dashboard}/users/${user.id}`);
    await page.getByText("Contacts and devices").waitFor();
    await loaded(page, "User");
    await page.goto(`${dashboard}/send?user=${user.id}`);
    await button(page, "Send").click();
    await page.getByRole("link", { name: "See what happens to it" }).click();
    await heading(page, "Notification").waitFor();

    await login(page, "viewer");
    await page.goto(`${dashboard}/dead-letters`);
    await page.getByText("By reason, channel and provider").waitFor();
    assert.equal(await page.getByRole("button", { name: /Replay|Discard/ }).count(), 0);
    assert.equal(await page.getByRole("link", { name: "Send", exact: true }).count(), 0);
  });
});
