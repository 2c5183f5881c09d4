/** What a person on call sees and does in the dashboard while something is wrong, on servers of its own. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { eventually, request } from "../../testing/api.ts";
import { launch, screenshots, withPage } from "../../testing/browser.ts";
import { Installation, MailServer, type Program } from "../../testing/installation.ts";
import { execute } from "../../testing/tool.ts";
import { button, dialog, heading, login } from "./page.ts";

let browser: Browser;
let installation: Installation;
let mail: MailServer;
let worker: Program | undefined;
let api: string;
const user = randomUUID();

before(async () => {
  [browser, mail] = await Promise.all([launch(), MailServer.start()]);
  installation = await Installation.create({
    EMAIL_PROVIDER: "smtp",
    SMTP_HOST: "127.0.0.1",
    SMTP_PORT: String(mail.port),
    SMTP_TLS: "none",
    SMTP_FROM: "Tidings <tidings@example.com>",
    SMS_PROVIDER: "sandbox",
    PUSH_PROVIDER: "sandbox",
    WEBHOOK_PROVIDER: "sandbox",
    BREAKER_FAILURES: "2",
    // Only a person makes the next attempt.
    BREAKER_PROBE_SECS: "3600",
  });
  const program = await installation.start("tidings-api");
  api = `http://127.0.0.1:${program.port}`;
  await call("PUT", `/api/users/${user}`, { username: "anna", email: "anna@example.com" });
});

after(async () => {
  await browser?.close();
  await installation?.delete();
  await mail?.stop();
});

const call = <T>(method: string, path: string, body?: unknown) => request<T>(method, path, body, api);
const problem = (page: Page, text: string | RegExp) => page.locator(".problems li").filter({ hasText: text });

const signIn = (page: Page) => login(page, "operator", { api, database: installation.databaseUrl });

/** Waits until a figure of the overview has this text. */
async function figure(page: Page, label: string, text: RegExp) {
  const shown = page.locator(".figures > div").filter({ hasText: label }).first().locator("dd");
  await eventually(label, async () => {
    const found = (await shown.textContent()) ?? "";
    return text.test(found) || found;
  });
}

const batch = (count: number, item: object) =>
  call("POST", "/api/notifications/batch", { notifications: Array.from({ length: count }, () => item) });

test("the overview shows what waits while no worker runs, and that it is recorded when one does", async () => {
  await withPage(browser, {}, async (page) => {
    await signIn(page);
    const item = { targetUserId: user, type: "in-app", payload: { title: "Your order has shipped!" } };
    for (let sent = 0; sent < 2000; sent += 500) {
      await batch(500, item);
    }
    await figure(page, "Waiting", /\b2,000\b/);
    await problem(page, "intake").first().waitFor();
    await screenshots(page, "dashboard-no-worker");

    worker = await installation.start("tidings-worker");
    await figure(page, "Waiting", /\b0\b/);
    await problem(page, "intake").first().waitFor({ state: "detached" });
  });
});

test("a provider that goes away is named in the overview, and a probe by hand ends it", async () => {
  await withPage(browser, {}, async (page) => {
    await signIn(page);
    const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "email", exact: true }) });
    await row.getByText("delivering").waitFor();
    mail.isAway = true;
    await batch(3, {
      targetUserId: user,
      type: "email",
      payload: { subject: "Shipped", text: "On its way" },
    });
    await row.getByText("away").waitFor();
    await problem(page, "email").first().waitFor();
    await screenshots(page, "dashboard-provider-away");
    // Who sits on another page, or looks at another tab, sees it too.
    await page.keyboard.press("g");
    await page.keyboard.press("n");
    await heading(page, "Notifications").waitFor();
    await page.getByRole("link", { name: /^\d+ errors?$/ }).waitFor();
    await eventually("the title", async () => /^\(\d+\) /.test(await page.title()) || (await page.title()));
    await page.goBack();

    // From the problem to the notifications that wait for the provider.
    await problem(page, "email").first().getByRole("link").click();
    await eventually("the address", () => page.url().includes("email") || page.url());
    await page.goBack();

    mail.isAway = false;
    await row.getByRole("button", { name: "Probe now" }).waitFor();
    await problem(page, "email")
      .getByRole("button", { name: /Probe now/ })
      .first()
      .click();
    await row.getByText("delivering").waitFor();
    await problem(page, "email").first().waitFor({ state: "detached" });
    await eventually("the mails", () => mail.accepted === 3 || mail.accepted);
  });
});

/** How many dead letters the test has, by reason. */
const LETTERS = { provider_failed: 2500, template_error: 1500, rejected_by_provider: 1000 };

/** Inserts notifications that have failed, as a worker would leave them. */
function insertDeadLetters(): Promise<string> {
  const all = Object.entries(LETTERS).map(([reason, count]) => `('${reason}', ${count})`);
  return execute(
    installation.databaseUrl,
    `INSERT INTO notifications (id, message_id, user_id, type, status, payload, sender, created_at, ended_at,
                                failure_reason, failed_at, error_message)
     SELECT id, id, '${user}', 'in-app', 'failed', jsonb_build_object('title', reason), 'shop', now(), now(),
            reason, now(), reason || ': the provider answered with 503'
     FROM (VALUES ${all.join(", ")}) AS of_reason (reason, count)
          CROSS JOIN LATERAL generate_series(1, count) AS n
          CROSS JOIN LATERAL (SELECT gen_random_uuid() AS id WHERE n > 0) AS new`,
  );
}

const countOf = (reason: string, status: string) =>
  execute(
    installation.databaseUrl,
    `SELECT count(*) FROM notifications WHERE sender = 'shop' AND status = '${status}'
     AND payload ->> 'title' = '${reason}'`,
  );

/** Starts a job for all dead letters of a reason, at a rate. */
async function startJob(page: Page, reason: string, count: string, rate: number) {
  await page.goto(`${api}/dashboard/dead-letters?reason=${reason}`);
  await button(page, "Replay all that match…").click();
  await dialog(page).getByText(`${reason}: ${count}`).waitFor();
  await dialog(page).getByLabel("Dead letters a second").fill(String(rate));
  await button(page, `Replay ${count} dead letters`).click();
  await heading(page, "Job").waitFor();
}

/** How many dead letters the job of the page has taken. */
async function taken(page: Page): Promise<number> {
  return Number(await page.getByRole("progressbar").getAttribute("value"));
}

const untilTaken = (page: Page, least: number) =>
  eventually(`${least} dead letters`, async () => (await taken(page)) >= least || (await taken(page)));

test("a job replays dead letters of one reason, is paused, outlives its worker, and is aborted", async () => {
  await insertDeadLetters();
  await withPage(browser, {}, async (page) => {
    await signIn(page);
    await page.keyboard.press("g");
    await page.keyboard.press("d");
    await heading(page, "Dead letters").waitFor();
    for (const reason of Object.keys(LETTERS)) {
      await page.getByRole("row").filter({ hasText: reason }).first().waitFor();
    }

    await startJob(page, "provider_failed", "2,500", 200);
    await untilTaken(page, 1);
    await button(page, "Pause").click();
    await page.getByText("It is paused.").waitFor();
    const paused = await taken(page);
    assert.ok(paused < 2500, String(paused));
    await button(page, "Resume").click();
    await untilTaken(page, paused + 1);

    await worker?.kill();
    worker = await installation.start("tidings-worker");
    await button(page, "Rate…").click();
    await dialog(page)
      .getByLabel(/Dead letters a second/)
      .fill("1000");
    await button(page, "Change the rate").click();
    await page.getByText("2,500 replayed, 0 skipped, 0 failed").waitFor();
    await page.getByText("done", { exact: true }).waitFor();
    await eventually("every one is delivered", async () => {
      const delivered = await countOf("provider_failed", "processed");
      return delivered === "2500" || delivered;
    });

    await startJob(page, "template_error", "1,500", 100);
    await untilTaken(page, 1);
    await button(page, "Abort…").click();
    await button(page, /^Abort, and leave [\d,]+ dead letters$/).click();
    await page.getByText("aborted", { exact: true }).waitFor();
    await eventually("the rest stays", async () => {
      const left = Number(await countOf("template_error", "failed"));
      const done = Number(await countOf("template_error", "processed"));
      return (left > 0 && left + done === 1500 && done === (await taken(page))) || `${left} and ${done}`;
    });
    assert.equal(await countOf("rejected_by_provider", "failed"), "1000");

    // What an aborted job has left is replayed by another one.
    const left = new Intl.NumberFormat("en-GB").format(Number(await countOf("template_error", "failed")));
    await startJob(page, "template_error", left, 1000);
    await page.getByText(`${left} replayed, 0 skipped, 0 failed`).waitFor();
    await screenshots(page, "dashboard-job");

    // Some fail again: the job says how many, and leads to them and to another replay of them.
    const since = page.getByRole("link", { name: /^\d+ dead letters? with this filter$/ });
    await page.getByText("none with this filter").waitFor();
    await execute(
      installation.databaseUrl,
      `UPDATE notifications SET status = 'failed', failed_at = now(), failure_reason = 'template_error'
       WHERE message_id IN (SELECT message_id FROM notifications WHERE sender = 'shop' AND status = 'processed'
                            AND payload ->> 'title' = 'template_error' LIMIT 2)`,
    );
    await eventually("what has failed again", async () => {
      const text = (await since.count()) > 0 ? await since.textContent() : "";
      return text === "2 dead letters with this filter" || text || "none";
    });
    await button(page, "Again with this filter…").click();
    await dialog(page).getByText("template_error: 2").waitFor();
    await button(page, "Back").click();
    await since.click();
    await heading(page, "Dead letters").waitFor();
    await eventually("the rows", async () => {
      const rows = await page.locator('main a[href*="/notifications/"]').count();
      return rows === 2 || rows;
    });
  });
});
