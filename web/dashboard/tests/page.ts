/** What the tests of the dashboard have in common. */

import type { Page } from "playwright-core";
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
