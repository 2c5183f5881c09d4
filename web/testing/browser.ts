/** Pages in a browser. A test fails if its page breaks its content security policy, logs an error or cannot be used by all. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { browserPath, screenshotFolder } from "./environment.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Starts a browser. `hosts` maps names to addresses, which no name server knows. */
export function launch(hosts: Record<string, string> = {}): Promise<Browser> {
  const rules = Object.entries(hosts).map(([name, address]) => `MAP ${name} ${address}`);
  return chromium.launch({
    executablePath: browserPath,
    args: [
      "--no-sandbox",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-proxy-server",
      `--host-resolver-rules=${rules.join(", ")}`,
    ],
  });
}

/** The element asks whether the API has this, and hides what it has not. */
const OPTIONAL = /status of 404.*\/api\/me\/(preferences|settings)\)$/;

export interface PageOptions {
  width?: number;
  height?: number;
  /** Errors that the test causes on purpose. */
  expectedErrors?: RegExp;
}

/** Runs a test in a page of its own, and checks the page at its end. */
export async function withPage(browser: Browser, options: PageOptions, test: (page: Page) => Promise<void>) {
  const { width = 1440, height = 900, expectedErrors } = options;
  const context = await browser.newContext({ viewport: { width, height }, locale: "en-GB" });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") {
      errors.push(`${message.text()} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.addInitScript(() => {
    // biome-ignore lint/suspicious/noConsole: the test reads it
    addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective}`));
  });
  try {
    await test(page);
    await assertAccessible(page);
    const unexpected = errors.filter((error) => !OPTIONAL.test(error) && !expectedErrors?.test(error));
    assert.deepEqual(unexpected, [], "errors of the page");
  } finally {
    await context.close();
  }
}

/** Waits for the end of what moves or fades: half faded in, a colour is not the one to judge. */
async function settled(page: Page) {
  await page.evaluate(async () => {
    // `getAnimations` of the document leaves out what happens in shadow trees.
    const hosts = [...document.querySelectorAll("*")].flatMap((element) => element.shadowRoot ?? []);
    const running = [document, ...hosts].flatMap((root) => root.getAnimations());
    const ending = running.filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity);
    // One that is cancelled has come to its end as well.
    await Promise.allSettled(ending.map((animation) => animation.finished));
  });
}

/** Fails if axe finds something serious in what the page shows. */
export async function assertAccessible(page: Page) {
  await settled(page);
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    // @ts-expect-error axe has just been loaded.
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations
      .filter((one: { impact: string }) => one.impact === "serious" || one.impact === "critical")
      .map((one: { id: string; nodes: { target: unknown; failureSummary: string }[] }) => ({
        id: one.id,
        nodes: one.nodes.map((node) => `${JSON.stringify(node.target)}: ${node.failureSummary}`),
      }));
  });
  assert.deepEqual(found, [], "findings of axe");
}

/** Fails if a table that is shown as cards is wider than the page. */
async function assertNothingIsCut(page: Page) {
  const cut = await page.evaluate(() =>
    [...document.querySelectorAll("table.cards")]
      .filter(({ parentElement }) => parentElement && parentElement.scrollWidth > parentElement.clientWidth)
      .map((table) => table.textContent?.slice(0, 200)),
  );
  assert.deepEqual(cut, [], "tables that are wider than the page");
}

/** Keeps pictures of what the page shows, on a wide and on a narrow screen, light and dark. */
export async function screenshots(page: Page, name: string) {
  await mkdir(screenshotFolder, { recursive: true });
  const before = page.viewportSize();
  for (const [width, height] of [
    [1440, 900],
    [390, 844],
  ] as const) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const path = join(screenshotFolder, `${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path });
      // Colours differ by scheme, not by width.
      if (width < 1000) {
        await assertNothingIsCut(page);
        await assertAccessible(page);
      }
    }
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  if (before) {
    await page.setViewportSize(before);
  }
}
