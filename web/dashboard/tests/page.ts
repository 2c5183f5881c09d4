/** What the tests of the dashboard have in common. */

import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import { apiUrl } from "../../testing/environment.ts";
import { loginLink, type Place, SHARED } from "../../testing/tool.ts";

export const dashboard = `${apiUrl}/dashboard`;

export const heading = (page: Page, name: string) =>
  page.getByRole("heading", { name, level: 1, exact: true });
export const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name, exact: true });
export const dialog = (page: Page) => page.getByRole("dialog");

/** Signs in with a one-time link, and waits for the overview. */
export async function login(page: Page, role?: "viewer" | "operator" | "admin", place: Place = SHARED) {
  await page.goto(await loginLink(role, place));
  await heading(page, "Overview").waitFor();
}

/** What the browser logs while it is offline. */
export const OFFLINE = /net::ERR_INTERNET_DISCONNECTED/;

/** What a dialog says and what was typed into it. */
function typedInto(one: Locator) {
  return one.locator("input, select, textarea").evaluateAll((fields) =>
    fields.map((field) => {
      const { value, checked } = field as HTMLInputElement;
      return `${value} ${checked}`;
    }),
  );
}

/** Confirms the dialog while the API cannot be reached: it stays open with what was typed. Then confirms it again. */
export async function confirmTwice(page: Page, action: string) {
  const title = await dialog(page).locator("h2").first().textContent();
  const one = page.getByRole("dialog", { name: title ?? "", exact: true });
  const confirm = one.getByRole("button", { name: action, exact: true });
  const before = await typedInto(one);
  await page.context().setOffline(true);
  await confirm.click();
  await one.getByRole("alert").getByText("It is not known whether this was done.").waitFor();
  await page.context().setOffline(false);
  assert.deepEqual(await typedInto(one), before, "what was typed");
  await confirm.click();
  await one.waitFor({ state: "detached" });
}
