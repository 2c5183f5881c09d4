/** The types of the API in the sources are those of its document. `UPDATE=1` writes them. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { apiUrl } from "../../testing/environment.ts";

const generator = "openapi/node_modules/@hey-api/openapi-ts/bin/run.js";
const committed = "dashboard/src/api/types.gen.ts";

/** Leaves out descriptions, which change more often than types. A property of this name is an object. */
const withoutTexts = (key: string, value: unknown) =>
  key === "description" && typeof value === "string" ? undefined : value;

test("the types of the API are up to date", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tidings-types-"));
  try {
    const response = await fetch(`${apiUrl}/api/openapi.json`);
    const document = await response.json();
    // The dashboard names the paths itself: their types would be three times as long as those of what they carry.
    const input = join(folder, "openapi.json");
    await writeFile(input, JSON.stringify({ ...document, paths: {} }, withoutTexts));
    const output = join(folder, "types");
    await promisify(execFile)(process.execPath, [
      generator,
      "-i",
      input,
      "-o",
      output,
      "-p",
      "@hey-api/typescript",
    ]);
    const types = await readFile(join(output, "types.gen.ts"), "utf8");
    if (process.env.UPDATE === "1") {
      await writeFile(committed, types);
    }
    assert.ok(
      (await readFile(committed, "utf8")) === types,
      `${committed} is old: UPDATE=1 ./dev test --web`,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
