/** How the API serves the front end. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { apiUrl } from "../../testing/environment.ts";

const MAX_SCRIPT_BYTES = 15 * 1024;

/** Sends a request without the decompression of `fetch`. */
async function get(path: string, headers: Record<string, string> = {}, method = "GET") {
  const { request } = await import("node:http");
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>(
    (resolve, reject) => {
      const sent = request(apiUrl + path, { method, headers }, async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) {
          chunks.push(chunk as Buffer);
        }
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      });
      sent.on("error", reject);
      sent.end();
    },
  );
}

test("the script is small, compressed, and for every page", async () => {
  const compressed = await get("/inbox.js", { "Accept-Encoding": "br, gzip" });
  assert.equal(compressed.status, 200);
  assert.equal(compressed.headers["content-encoding"], "gzip");
  assert.ok(compressed.body.length <= MAX_SCRIPT_BYTES, `${compressed.body.length} bytes`);
  const plain = await get("/inbox.js", { "Accept-Encoding": "gzip;q=0" });
  assert.equal(plain.headers["content-encoding"], undefined);
  assert.deepEqual(gunzipSync(compressed.body), plain.body);
  for (const { headers } of [compressed, plain]) {
    assert.equal(headers["content-type"], "text/javascript; charset=utf-8");
    assert.equal(headers["access-control-allow-origin"], "*");
    assert.equal(headers["cross-origin-resource-policy"], "cross-origin");
    assert.match(String(headers.vary), /Accept-Encoding/);
    assert.equal(headers["x-content-type-options"], "nosniff");
    // Its name stays the same, so browsers ask each time whether it has changed.
    assert.equal(headers["cache-control"], "no-cache");
  }
  assert.notEqual(compressed.headers.etag, plain.headers.etag);
  const known = { "Accept-Encoding": "gzip", "If-None-Match": String(compressed.headers.etag) };
  const same = await get("/inbox.js", known);
  assert.equal(same.status, 304);
  assert.equal(same.body.length, 0);
  assert.equal((await get("/inbox.js", { "If-None-Match": `"another"` })).status, 200);
  const head = await get("/inbox.js", {}, "HEAD");
  assert.equal(head.status, 200);
  assert.equal(head.body.length, 0);
  assert.equal((await get("/inbox.js", {}, "POST")).status, 405);
});

test("the page has a strict policy and is never stored, its files are stored for ever", async () => {
  const page = await get("/inbox");
  assert.equal(page.status, 200);
  assert.equal(page.headers["cache-control"], "no-store");
  const policy = String(page.headers["content-security-policy"]);
  for (const part of [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ]) {
    assert.ok(policy.includes(part), `${part} in ${policy}`);
  }
  const files = [...page.body.toString().matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(
    (match) => match[1],
  );
  assert.equal(files.length, 2, String(files));
  for (const file of files) {
    const asset = await get(String(file));
    assert.equal(asset.status, 200, file);
    assert.equal(asset.headers["cache-control"], "public, max-age=31536000, immutable");
    assert.match(String(file), /-[\w-]{8}\.(js|css)$/);
  }
  for (const path of ["/assets/nothing.js", "/assets/%2e%2e%2finbox.js", "/assets/inbox.js.gz", "/assets/"]) {
    const missing = await get(path);
    assert.equal(missing.status, 404, path);
    assert.equal(missing.headers["cache-control"], "no-store", path);
  }
});
