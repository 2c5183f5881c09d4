/** Preferences: what arrives by which channel. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { createUser, eventually, request } from "../../testing/api.ts";
import { launch, screenshots, withPage } from "../../testing/browser.ts";
import { EmbeddingSite } from "../../testing/embedding-site.ts";

/** The category of the test. */
const name = `web-${randomUUID()}`;

let site: EmbeddingSite;
let browser: Browser;

before(async () => {
  site = await EmbeddingSite.start();
  browser = await launch({ "embedding.localhost": site.address });
});

after(async () => {
  await browser?.close();
  await site?.stop();
  await request("DELETE", `/api/categories/${name}`);
});

test("a user chooses what arrives by which channel", async () => {
  const user = await createUser();
  const label = `News ${name.slice(-4)}`;
  await request("PUT", `/api/categories/${name}`, { label, description: "Once a week", kind: "marketing" });
  const stored = async () => {
    const { preferences } = await request<{ preferences: Record<string, unknown>[] }>(
      "GET",
      `/api/users/${user.id}/preferences`,
    );
    return preferences.map(({ category, channel, enabled, source }) => ({
      category,
      channel,
      enabled,
      source,
    }));
  };
  await withPage(browser, {}, async (page) => {
    await page.goto(site.page(user.token, { themed: true }));
    await page.getByRole("button", { name: "Notifications", exact: true }).click();
    await page.getByRole("button", { name: "Preferences" }).click();
    const box = (category: string, channel: string) =>
      page.getByRole("checkbox", { name: `${category} by ${channel}`, exact: true });
    await box(label, "Email").waitFor();
    // The category `security` is critical.
    const security = page.getByRole("row", { name: /security/i });
    assert.equal(await security.getByRole("checkbox").count(), 0);
    assert.ok((await security.getByText("always sent").count()) >= 4);

    await box(label, "Email").uncheck();
    await eventually("the choice is stored", async () => (await stored()).length === 1);
    assert.deepEqual(await stored(), [{ category: name, channel: "email", enabled: false, source: "user" }]);
    await box("All notifications", "SMS").uncheck();
    await page.getByRole("checkbox", { name: `${label} by SMS`, disabled: true }).waitFor();
    assert.equal(await box(label, "SMS").isChecked(), false);
    await box("All notifications", "SMS").check();
    await page.getByRole("checkbox", { name: `${label} by SMS`, disabled: false, checked: true }).waitFor();
    await screenshots(page, "preferences");
    await box(label, "Email").check();
    await eventually("the grid is as it was", async () =>
      (await stored()).every((choice) => choice.enabled === true),
    );
  });
});
