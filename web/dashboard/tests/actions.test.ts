/** What an operator does on a page, and what the API says afterwards. Each dialog is confirmed twice: at first, the API is away. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { createUser, eventually, request, send } from "../../testing/api.ts";
import { launch, screenshots, withPage } from "../../testing/browser.ts";
import { button, confirmTwice, dashboard, dialog, heading, login, OFFLINE } from "./page.ts";

let browser: Browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

/** Runs a test as somebody who has signed in. The API may be away for a while. */
function as(role: "operator" | "admin", test: (page: Page) => Promise<void>, more?: RegExp) {
  const expectedErrors = more ? new RegExp(`${OFFLINE.source}|${more.source}`) : OFFLINE;
  return withPage(browser, { expectedErrors }, async (page) => {
    await login(page, role);
    await test(page);
  });
}

/** Sends a text message, which nothing delivers here, and waits until it is recorded. */
async function waiting(): Promise<string> {
  const id = await send(await createUser(), { text: "On its way" }, { type: "sms" });
  await eventually("the notification is recorded", async () => {
    const { notifications } = await request<{ notifications: unknown[] }>(
      "GET",
      `/api/notifications?messageId=${id}`,
    );
    return notifications.length === 1;
  });
  return id;
}

test("a channel is stopped with a reason, and started", async () => {
  const find = async () => {
    const { channels } = await request<{ channels: { channel: string; stop?: { reason: string } }[] }>(
      "GET",
      "/api/overview",
    );
    return channels.find(({ channel }) => channel === "push")?.stop?.reason;
  };
  await as("operator", async (page) => {
    const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "push", exact: true }) });
    await row.getByRole("button", { name: /^Stop/ }).click();
    await dialog(page).getByLabel("Reason, for other operators").fill("the app is broken");
    await confirmTwice(page, "Stop push");
    await eventually("the channel is stopped", async () => (await find()) === "the app is broken");
    await row.getByRole("button", { name: /^Start/ }).click();
    await confirmTwice(page, "Start push");
    await eventually("the channel is started", async () => (await find()) === undefined);
  });
});

test("a notification is cancelled", async () => {
  const id = await waiting();
  await as("admin", async (page) => {
    await page.goto(`${dashboard}/notifications/${id}`);
    await button(page, "Cancel…").click();
    await confirmTwice(page, "Cancel 1 notification");
    const { status } = await request<{ status: string }>("GET", `/api/notifications/${id}`);
    assert.equal(status, "cancelled");
  });
});

test("a user is edited, and a value that the API refuses can be corrected", async () => {
  const [user, other] = await Promise.all([createUser(), createUser()]);
  const find = () => request<{ email: string; locale?: string }>("GET", `/api/users/${user.id}`);
  await as(
    "admin",
    async (page) => {
      await page.goto(`${dashboard}/users/${user.id}`);
      await button(page, "Edit…").click();
      await dialog(page).getByLabel("E-mail address").fill(other.email);
      await dialog(page).getByLabel("Language").fill("de-AT");
      await button(page, "Save").click();
      await dialog(page).getByRole("alert").getByText("It was not done.").waitFor();
      assert.equal(await dialog(page).getByLabel("E-mail address").inputValue(), other.email);
      assert.equal(await dialog(page).getByLabel("Language").inputValue(), "de-AT");
      await screenshots(page, "dashboard-dialog-error");
      await dialog(page).getByLabel("E-mail address").fill(user.email);
      await confirmTwice(page, "Save");
      const now = await find();
      assert.deepEqual([now.email, now.locale], [user.email, "de-AT"]);
    },
    /status of 409/,
  );
});

test("a webhook endpoint is disabled, enabled and deleted, and gets another secret", async () => {
  const user = await createUser();
  const { id } = await request<{ id: string }>("POST", "/api/webhook-endpoints", {
    userId: user.id,
    url: "https://hooks.example.com/tidings",
  });
  interface Endpoint {
    id: string;
    enabled: boolean;
    previousSecretValidUntil?: string | null;
  }
  const find = async () => {
    const path = `/api/webhook-endpoints?userId=${user.id}`;
    const { webhookEndpoints } = await request<{ webhookEndpoints: Endpoint[] }>("GET", path);
    return webhookEndpoints.find((one) => one.id === id);
  };
  await as("admin", async (page) => {
    await page.goto(`${dashboard}/endpoints?userId=${user.id}`);
    await button(page, "Disable…").click();
    await confirmTwice(page, "Disable the endpoint");
    assert.equal((await find())?.enabled, false);
    await button(page, "Enable").click();
    await eventually("the endpoint is enabled", async () => (await find())?.enabled);
    await button(page, "Rotate secret…").click();
    await confirmTwice(page, "Rotate the secret");
    const secret = page.getByRole("dialog", { name: "The new secret" });
    assert.match((await secret.locator("pre").textContent()) ?? "", /^whsec_/);
    const { entries } = await request<{ entries: { action: string }[] }>("GET", `/api/audit?target=${id}`);
    assert.equal(
      entries.filter(({ action }) => action.includes("rotate")).length,
      1,
      JSON.stringify(entries),
    );
    await secret.getByRole("button", { name: "Close" }).click();
    await button(page, "Delete…").click();
    await confirmTwice(page, "Delete the endpoint");
    assert.equal(await find(), undefined);
  });
});

test("a template is rolled back to an earlier version", async () => {
  const name = `t-${randomUUID()}`;
  const path = `/api/templates/${name}/email/default`;
  for (const text of ["The first text", "The second text"]) {
    await request("PUT", path, { subject: "Hello", text });
  }
  await as("operator", async (page) => {
    await page.goto(`${dashboard}/templates/${name}?channel=email&locale=default`);
    await button(page, "Compare").click();
    await button(page, "Roll back to version 1…").click();
    await confirmTwice(page, "Roll back");
    const now = await request<{ version: number; text: string }>("GET", path);
    assert.deepEqual([now.version, now.text], [3, "The first text"]);
  });
});

test("an API key is created with the scopes that are chosen, rotated and revoked", async () => {
  const name = `web-${randomUUID()}`;
  interface Key {
    name: string;
    scopes: string[];
    revokedAt?: string | null;
    previousValidUntil?: string | null;
  }
  const find = async () => {
    const { keys } = await request<{ keys: Key[] }>("GET", "/api/keys?revoked=true&limit=200");
    const found = keys.filter((one) => one.name === name);
    assert.equal(found.length, 1);
    return found[0];
  };
  await as("admin", async (page) => {
    await page.goto(`${dashboard}/keys`);
    await button(page, "New key…").click();
    await dialog(page).getByLabel("Name").fill(name);
    await dialog(page).getByLabel("templates:write", { exact: true }).check();
    await confirmTwice(page, "Create the key");
    const secret = page.getByRole("dialog", { name: "The key" });
    const key = await secret.locator("pre").textContent();
    assert.deepEqual((await find())?.scopes, ["templates:write"]);
    await secret.getByRole("button", { name: "Close" }).click();

    const row = page.getByRole("row").filter({ hasText: name });
    await row.getByRole("button", { name: "Rotate…" }).click();
    await confirmTwice(page, "Rotate the key");
    assert.notEqual(await secret.locator("pre").textContent(), key);
    assert.ok((await find())?.previousValidUntil);
    await secret.getByRole("button", { name: "Close" }).click();
    await row.getByRole("button", { name: "Revoke…" }).click();
    await confirmTwice(page, "Revoke the key");
    assert.ok((await find())?.revokedAt);
  });
});

test("a recurring schedule is created, paused, resumed and deleted", async () => {
  const user = await createUser();
  interface Schedule {
    targetUserId: string;
    cron: string;
    timezone: string;
    type: string;
    paused: boolean;
  }
  const find = async () => {
    const { schedules } = await request<{ schedules: Schedule[] }>("GET", "/api/schedules?limit=200");
    return schedules.filter(({ targetUserId }) => targetUserId === user.id);
  };
  await as("admin", async (page) => {
    await page.goto(`${dashboard}/schedules`);
    await button(page, "New schedule…").click();
    await dialog(page).getByLabel("User id").fill(user.id);
    await dialog(page).getByRole("combobox").selectOption("in-app");
    await dialog(page).getByLabel("Pattern").fill("0 9 * * MON");
    await dialog(page).getByLabel("Time zone").fill("Europe/Vienna");
    await dialog(page).getByLabel("Payload (JSON)").fill('{"title": "Your week"}');
    await screenshots(page, "dashboard-new-schedule");
    await confirmTwice(page, "Create the schedule");
    const created = await find();
    assert.deepEqual(
      created.map(({ cron, timezone, type, paused }) => [cron, timezone, type, paused]),
      [["0 9 * * MON", "Europe/Vienna", "in-app", false]],
    );
    const row = page.getByRole("row").filter({ has: page.locator(`[title="${user.id}"]`) });
    for (const [name, paused] of [
      ["Pause", true],
      ["Resume", false],
    ] as const) {
      await row.getByRole("button", { name, exact: true }).click();
      await eventually(name, async () => (await find())[0]?.paused === paused);
    }
    await row.getByRole("button", { name: "Delete…" }).click();
    await confirmTwice(page, "Delete the schedule");
    assert.deepEqual(await find(), []);
  });
});

test("a category is created and deleted", async () => {
  const name = `c-${randomUUID().slice(0, 8)}`;
  const find = async () => {
    const { categories } = await request<{ categories: { name: string }[] }>("GET", "/api/categories");
    return categories.filter((one) => one.name === name).length;
  };
  await as("operator", async (page) => {
    await page.goto(`${dashboard}/categories`);
    await button(page, "New category…").click();
    await dialog(page).getByLabel("Name").fill(name);
    await confirmTwice(page, "Save");
    assert.equal(await find(), 1);
    const row = page.getByRole("row").filter({ hasText: name });
    await row.getByRole("button", { name: "Delete…" }).click();
    await confirmTwice(page, "Delete the category");
    assert.equal(await find(), 0);
  });
});

test("the navigation has the pages that each role may read, and no others", async () => {
  const pages = {
    viewer: 11,
    operator: 11,
    admin: 13,
  } as const;
  for (const role of ["viewer", "operator", "admin"] as const) {
    await withPage(browser, {}, async (page) => {
      const refused: string[] = [];
      page.on("response", (response) => {
        if (response.status() === 403) {
          refused.push(response.url());
        }
      });
      await login(page, role);
      const names = await page.locator("nav.navigation li > a:first-child").allTextContents();
      assert.equal(names.length, pages[role], names.join());
      for (const name of names) {
        await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
        await heading(page, name).waitFor();
        await eventually("the page", async () => (await page.getByText("Loading…").count()) === 0);
      }
      assert.deepEqual(refused, [], role);
      // A link from somebody else leads to a reason, and asks for nothing that is refused.
      if (role !== "admin") {
        await page.goto(`${dashboard}/schedules`);
        await page.getByText("It needs schedules:write and notifications:send:any.").waitFor();
        assert.deepEqual(refused, [], role);
      }
    });
  }
});
