/** Parts of the dashboard that need no browser. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { ApiError } from "../src/api/client.ts";
import { REASONS } from "../src/api/dead-letters.ts";
import { rates, type Statistics, stepFor } from "../src/api/statistics.ts";
import { answersOf } from "../src/lib/answers.ts";
import { quoted, tool } from "../src/lib/commands.ts";
import { formatAge, formatAgo, formatDuration, formatRate, formatTime } from "../src/lib/format.ts";
import { FILTER_VALUES, PAGE_FILTERS } from "../src/lib/page-filters.ts";
import { remedyOf } from "../src/lib/remedies.ts";
import { smsSegments, variablesOf } from "../src/pages/templates/variables.ts";

test("durations, rates and times are short", () => {
  const durations: [number | null, string][] = [
    [null, "–"],
    [0, "0 ms"],
    [999, "999 ms"],
    [1250, "1.3 s"],
    [60_000, "1 min"],
    [200_000, "3 min 20 s"],
    [7_500_000, "2 h 5 min"],
    [90_000_000, "1 d 1 h"],
  ];
  for (const [ms, expected] of durations) {
    assert.equal(formatDuration(ms), expected);
  }
  assert.deepEqual([0, 0.0004, 0.0167, 12.34, 1234].map(formatRate), [
    "0",
    "<\u202f0.001",
    "0.017",
    "12.3",
    "1,234",
  ]);
  assert.equal(formatTime("2026-11-28T15:44:04.9Z", "utc"), "2026-11-28 15:44:04");
  const now = Date.parse("2026-11-28T15:44:00Z");
  assert.equal(formatAgo("2026-11-28T15:43:00Z", now), "1 min ago");
  assert.equal(formatAgo("2026-11-28T15:06:55Z", now), "37 min ago");
  const ages: [string, string][] = [
    ["2026-11-28T15:43:55Z", "5 s"],
    ["2026-11-28T15:06:55Z", "37 min"],
    ["2026-11-28T13:38:31Z", "2 h 5 min"],
    ["2026-11-27T14:00:00Z", "1 d 1 h"],
  ];
  for (const [at, expected] of ages) {
    assert.equal(formatAge(at, now), expected);
  }
  assert.equal(formatAgo("2026-11-28T15:46:00Z", now), "in 2 min");
});

test("a page says when its API does not answer, and when it answers with errors", () => {
  const failed = (status: number) => new ApiError(status, {});
  const asked = (dataUpdatedAt: number, error: unknown = null, fetchFailureReason: unknown = null) => ({
    dataUpdatedAt,
    error,
    fetchFailureReason,
  });
  assert.deepEqual(answersOf([]), { state: "good", lastAt: 0 });
  assert.deepEqual(answersOf([asked(20), asked(30)]), { state: "good", lastAt: 30 });
  // The first attempt that fails counts, before there is an error.
  assert.deepEqual(answersOf([asked(20, null, failed(0)), asked(30)]), { state: "none", lastAt: 30 });
  // The others are answered: what fails has failed since its own last answer.
  assert.deepEqual(answersOf([asked(20, failed(503)), asked(30)]), { state: "errors", lastAt: 20 });
  assert.deepEqual(answersOf([asked(20, failed(404)), asked(30, failed(403))]), {
    state: "good",
    lastAt: 30,
  });
});

test("commands are quoted for a shell", () => {
  assert.equal(quoted("no_recipient"), "no_recipient");
  assert.equal(quoted("it's"), "'it'\\''s'");
  assert.equal(quoted("$(reboot)"), "'$(reboot)'");
  const options = { reason: "no recipient", channel: undefined, "dry-run": true } as const;
  assert.equal(tool("dlq replay", options), "tidings dlq replay --reason 'no recipient' --dry-run");
});

test("each reason to choose from has a remedy, and its link leads to a page", async () => {
  const source = await readFile("dashboard/src/layout/navigation.ts", "utf8");
  const failed = { channel: "email", userId: "7c1d", template: { name: "welcome mail", locale: "de" } };
  for (const reason of REASONS) {
    const remedy = remedyOf(reason, failed);
    assert.ok(remedy, reason);
    const path = remedy.link && new URL(remedy.link.href, "http://localhost").pathname;
    const page = path?.replace(/^(\/[a-z-]*).*/, "$1");
    assert.ok(!page || source.includes(`path: "${page}"`), `${reason}: there is no page ${path}`);
  }
  assert.equal(remedyOf("no_recipient", failed)?.link?.href, "/users/7c1d");
  assert.equal(
    remedyOf("no_recipient", { ...failed, channel: "webhook" })?.link?.href,
    "/endpoints?userId=7c1d",
  );
  assert.equal(
    remedyOf("template_error", failed)?.link?.href,
    "/templates/welcome%20mail?channel=email&locale=de",
  );
  assert.equal(remedyOf("outcome_unknown")?.replay, "twice");
  assert.equal(remedyOf("test_1234"), undefined);
});

test("each problem leads to a page that applies its filters", async () => {
  const source = await readFile("dashboard/src/layout/navigation.ts", "utf8");
  const links = await readFile("dashboard/tests/problem-links.json", "utf8");
  for (const { code, link } of JSON.parse(links) as { code: string; link: string }[]) {
    const { pathname, searchParams } = new URL(link, "http://localhost");
    assert.ok(source.includes(`path: "${pathname}"`), `${code}: there is no page ${pathname}`);
    const known: readonly string[] = PAGE_FILTERS[pathname as keyof typeof PAGE_FILTERS] ?? [];
    for (const [name, value] of searchParams) {
      assert.ok(known.includes(name), `${code}: ${pathname} has no filter ${name}`);
      const options = FILTER_VALUES[pathname]?.[name]?.map((one) => (typeof one === "string" ? one : one[0]));
      assert.ok(!options || options.includes(value), `${code}: ${name} of ${pathname} is never ${value}`);
    }
  }
});

test("a period has a step that shows at most 1500 points", () => {
  const steps = ["-1h", "-24h", "-7d", "-30d", "-400d"].map((from) => stepFor({ from, to: "now" }));
  assert.deepEqual(steps, ["1m", "1m", "1h", "1h", "1d"]);
  assert.equal(stepFor({ from: "2026-11-28T00:00:00Z", to: "2026-11-28T01:00:00Z" }), "1m");
});

test("a step that has not ended is not drawn", () => {
  const minute = 60_000;
  const start = Math.floor(Date.now() / minute) * minute;
  const points = [-10, -5, 0].map((ago) => ({ at: new Date(start + ago * minute).toISOString(), n: 120 }));
  const statistics: Statistics = { from: "", to: "", step: "1m", series: [{ by: "email", points }] };
  const { times, series } = rates(statistics);
  assert.equal(times.length, 2);
  assert.deepEqual(series, [{ label: "email", values: [2, 2] }]);
});

test("text messages are counted in segments", () => {
  const segments = (text: string) => smsSegments(text).segments;
  assert.deepEqual(
    [segments("a".repeat(160)), segments("a".repeat(161)), segments("a".repeat(307))],
    [1, 2, 3],
  );
  assert.deepEqual([segments("€".repeat(80)), segments("€".repeat(81))], [1, 2]);
  assert.deepEqual([segments("ж".repeat(70)), segments("ж".repeat(71))], [1, 2]);
  assert.equal(smsSegments("").segments, 1);
});

test("the variables of a template are found", () => {
  const source =
    "{{ name|upper }} {% if order.late %}{% for item in items %}{{ item.title }}{{ loop.index }}{% endfor %}{% endif %}";
  assert.deepEqual(variablesOf(source), ["items", "name", "order"]);
});
