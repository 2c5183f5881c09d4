/** Quiet hours. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { createUser, eventually, request } from "../../testing/api.ts";
import { launch, screenshots, withPage } from "../../testing/browser.ts";
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

test("a user sets quiet hours", async () => {
  const user = await createUser();
  const settings = () => request<Record<string, unknown>>("GET", `/api/users/${user.id}/settings`);
  await withPage(browser, { expectedErrors: /status of 400/ }, async (page) => {
    await page.goto(site.page(user.token, { themed: true }));
    await page.getByRole("button", { name: "Notifications", exact: true }).click();
    await page.getByRole("button", { name: "Preferences" }).click();
    await page.getByRole("button", { name: "Add quiet hours" }).click();
    await page.getByLabel("From", { exact: true }).fill("21:30");
    await page.getByRole("checkbox", { name: "Sat" }).uncheck();
    await page.getByRole("checkbox", { name: "Sun" }).uncheck();
    await page.getByRole("group", { name: "Channels that are quiet" }).getByLabel("Email").check();
    await page.getByLabel("Time zone").fill("Europe/Vienna");
    await screenshots(page, "settings");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("Saved").waitFor();
    const { timezone, quiet, quietChannels } = await settings();
    assert.equal(timezone, "Europe/Vienna");
    assert.deepEqual(quiet, [{ days: [1, 2, 3, 4, 5], from: "21:30", to: "07:00" }]);
    assert.deepEqual([...(quietChannels as string[])].sort(), ["email", "push", "sms"]);

    await page.getByLabel("To", { exact: true }).fill("21:30");
    await page.getByRole("button", { name: "Save" }).click();
    await page
      .getByRole("alert")
      .getByText(/differ/)
      .waitFor();
    await page.getByRole("button", { name: "Remove these quiet hours" }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await eventually("no quiet hours", async () => ((await settings()).quiet as unknown[]).length === 0);
  });
});
