/** Parts of the dashboard that need no browser. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { rates, type Statistics, stepFor } from "../src/api/statistics.ts";
import { quoted, tool } from "../src/lib/commands.ts";
import { formatAgo, formatDuration, formatRate, formatTime } from "../src/lib/format.ts";
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
  assert.equal(formatAgo("2026-11-28T15:46:00Z", now), "in 2 min");
});

test("commands are quoted for a shell", () => {
  assert.equal(quoted("no_recipient"), "no_recipient");
  assert.equal(quoted("it's"), "'it'\\''s'");
  assert.equal(quoted("$(reboot)"), "'$(reboot)'");
  const options = { reason: "no recipient", channel: undefined, "dry-run": true } as const;
  assert.equal(tool("dlq replay", options), "tidings dlq replay --reason 'no recipient' --dry-run");
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
