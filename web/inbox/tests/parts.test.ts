/** The parts without a page: what is shown of a payload, event streams, pauses, places. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client } from "../src/client.ts";
import { contentOf } from "../src/content.ts";
import { pauseBefore } from "../src/pause.ts";
import { placeAt } from "../src/place.ts";
import { choicesFor, isOverruled } from "../src/preferences.ts";
import { EventStreamParser } from "../src/sse.ts";
import { InboxStore } from "../src/store.ts";

const BASE = "https://shop.example/account/";

/** A store whose requests `client` answers. None of them fails. */
function storeOf(client: object): InboxStore {
  const ignore = () => {};
  return new InboxStore(client as Client, {
    changed: ignore,
    counted: ignore,
    arrived: ignore,
    failed: (error) => assert.fail(String(error)),
  });
}

test("a payload is shown by the members that senders use", () => {
  const link = "https://shop.example/orders/7";
  for (const [payload, expected] of [
    [
      { title: " Shipped ", body: "Order 7", url: "/orders/7" },
      { title: "Shipped", body: "Order 7", link },
    ],
    [
      { subject: "Shipped", message: "Order 7" },
      { title: "Shipped", body: "Order 7", link: undefined },
    ],
    [{ text: "Order 7" }, { title: "Order 7", body: "", link: undefined }],
    ["Shipped", { title: "Shipped", body: "", link: undefined }],
    [
      { title: 7, body: ["x"], url: {} },
      { title: "", body: "", link: undefined },
    ],
    [null, { title: "", body: "", link: undefined }],
    [[1, 2], { title: "", body: "", link: undefined }],
  ] as const) {
    assert.deepEqual(contentOf(payload, BASE), expected, JSON.stringify(payload));
  }
});

test("only links that load a page are links", () => {
  for (const url of [
    "javascript:alert(1)",
    " JavaScript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "http://",
  ]) {
    assert.equal(contentOf({ title: "x", url }, BASE).link, undefined, url);
  }
  assert.equal(contentOf({ title: "x", url: "orders?id=7" }, BASE).link, `${BASE}orders?id=7`);
});

test("a long text is cut between characters", () => {
  const { title, body } = contentOf({ title: "😀".repeat(400), body: "y".repeat(3000) }, BASE);
  assert.equal(title, `${"😀".repeat(299)}…`);
  assert.equal(body.length, 2000);
});

test("an event stream is read the same however it is cut", () => {
  const stream =
    "\uFEFFretry: 2500\n\nid: a1\nevent: notification\ndata: {\ndata: }\n\n: comment\r\n\r\nevent:counts\rdata:7\r\rid: b2\n\nid: bad\0\ndata\n\nunknown: x\nevent: dropped\n\ndata: last";
  const expected = [
    { type: "notification", data: "{\n}" },
    { type: "counts", data: "7" },
    { type: "message", data: "" },
  ];
  for (let size = 1; size <= stream.length; size += 1) {
    const parser = new EventStreamParser();
    const events = [];
    // The decoder of the browser takes the byte-order mark.
    const text = stream.slice(1);
    for (let from = 0; from < text.length; from += size) {
      events.push(...parser.push(text.slice(from, from + size)));
    }
    assert.deepEqual(events, expected, `pieces of ${size}`);
    assert.equal(parser.lastEventId, "b2");
    assert.equal(parser.retry, 2500);
  }
});

test("pauses grow with failures, and obey the API", () => {
  assert.equal(pauseBefore(0, 3000, undefined, 0.9), 3000);
  assert.equal(pauseBefore(1, 2000, undefined, 1), 4000);
  assert.equal(pauseBefore(1, 2000, undefined, 0), 2000);
  assert.equal(pauseBefore(60, 2000, undefined, 1), 60_000);
  assert.equal(pauseBefore(1, 2000, { status: 503, retryAfter: 30_000 }, 0), 30_000);
  assert.equal(pauseBefore(1, 2000, { status: 404, retryAfter: undefined }, 0), 600_000);
});

test("the panel stays within the window", () => {
  for (const width of [320, 390, 1440]) {
    for (const height of [480, 900]) {
      for (const left of [0, width / 2, width - 40]) {
        for (const top of [0, height / 2, height - 40]) {
          for (const isRightToLeft of [false, true]) {
            const bell = { top, bottom: top + 40, left, right: left + 40 };
            const place = placeAt(bell, width, height, isRightToLeft);
            const what = JSON.stringify({ width, height, bell, place });
            assert.ok(place.left >= 8 && place.left + place.width <= width - 8, what);
            assert.ok(place.maxHeight >= 200 && place.maxHeight <= 640, what);
            const start = place.top ?? height - (place.bottom ?? 0) - place.maxHeight;
            assert.ok(start >= 0 && start + place.maxHeight <= height, what);
          }
        }
      }
    }
  }
  const bell = { top: 10, bottom: 50, left: 1000, right: 1040 };
  assert.deepEqual(placeAt(bell, 1440, 900, false), {
    left: 620,
    width: 420,
    top: 58,
    bottom: undefined,
    maxHeight: 640,
  });
});

test("a choice about a cell leaves the other cells of its row alone", () => {
  const cell = (channel: string, effective: boolean, choice?: [string, string, boolean]) => ({
    channel,
    effective,
    ...(choice ? { choice: { category: choice[0], channel: choice[1], enabled: choice[2] } } : {}),
  });
  const row = (name: string, ...channels: ReturnType<typeof cell>[]) => ({
    name,
    label: null,
    description: null,
    kind: "transactional" as "transactional" | "marketing",
    locked: false,
    channels,
  });
  const off: [string, string, boolean] = ["news", "*", false];
  const news = row("news", cell("email", false, off), cell("sms", false, off), cell("push", false, off));
  const [email, sms] = news.channels as [ReturnType<typeof cell>, ReturnType<typeof cell>];
  assert.deepEqual(choicesFor(news, email, true), [
    { category: "news", channel: "*", enabled: null },
    { category: "news", channel: "email", enabled: true },
    { category: "news", channel: "sms", enabled: false },
    { category: "news", channel: "push", enabled: false },
  ]);
  // Without a choice about the category, one about all marketing would refuse all of its channels.
  for (const refused of ["news", "*marketing"]) {
    const off: [string, string, boolean] = [refused, "*", false];
    const email = cell("email", false, off);
    const marketing = { ...row("news", email, cell("sms", false, off)), kind: "marketing" as const };
    assert.deepEqual(
      choicesFor(marketing, email, true),
      [
        { category: "news", channel: "*", enabled: true },
        { category: "news", channel: "email", enabled: true },
        { category: "news", channel: "sms", enabled: false },
      ],
      refused,
    );
    assert.equal(isOverruled(marketing, email), false);
  }
  assert.deepEqual(choicesFor(news, sms, false), [{ category: "news", channel: "sms", enabled: false }]);
  const on = cell("sms", true, ["news", "*", true]);
  assert.deepEqual(choicesFor(row("news", on), on, false), [
    { category: "news", channel: "sms", enabled: false },
  ]);
  const overruled = cell("sms", false, ["*", "sms", false]);
  assert.equal(isOverruled(row("news", overruled), overruled), true);
  assert.equal(isOverruled(row("*", overruled), overruled), false);
  assert.equal(isOverruled(news, email), false);
});

test("while nobody looks, what arrives is kept in bounds, and the newest is marked as read", async () => {
  const marked: string[] = [];
  const client = {
    get: async (path: string) =>
      path.includes("counts") ? { unread: 0, capped: false } : { items: [], nextCursor: null, upTo: "AQ" },
    change: async (_method: string, path: string, body: { ids?: string[] }) => {
      marked.push(...(body.ids ?? []));
      return path.endsWith("read-all") ? { more: false } : undefined;
    },
  };
  const store = storeOf(client);
  await store.reload();
  const ids = Array.from({ length: 2500 }, (_, nth) => `id-${nth}`);
  for (const messageId of ids) {
    const item = { messageId, payload: { title: "x" }, createdAt: "", readAt: null, archivedAt: null };
    store.apply({ type: "notification", data: JSON.stringify(item) });
  }
  assert.deepEqual(
    store.items.map((item) => item.messageId),
    ids.slice(-100).reverse(),
  );
  await store.readAll();
  assert.deepEqual(marked, ids.slice(-1000));
  store.stop();
});

test("a list that is loaded while a change is on its way shows what the change has added to it", async () => {
  const item = { messageId: "one", payload: { title: "x" }, createdAt: "", readAt: null, archivedAt: null };
  let archived: object[] = [];
  let confirm = () => {};
  const store = storeOf({
    get: async (path: string) =>
      path.includes("counts")
        ? { unread: 0, capped: false }
        : { items: path.includes("archived") ? archived : [item], nextCursor: null, upTo: "AQ" },
    change: () =>
      new Promise<void>((resolve) => {
        confirm = resolve;
      }),
  });
  store.isShown = true;
  await store.reload();
  const changing = store.change(item, "archive");
  await store.show("archived");
  assert.deepEqual(store.items, []);
  archived = [{ ...item, readAt: "2026-01-01T00:00:00Z", archivedAt: "2026-01-01T00:00:00Z" }];
  confirm();
  await changing;
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    store.items.map(({ messageId }) => messageId),
    ["one"],
  );
  store.stop();
});
