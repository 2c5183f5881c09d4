/** What an operator does on the machine of the API. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { apiUrl, databaseUrl, toolPath } from "./environment.ts";

const run = promisify(execFile);

/** Runs the tool `tidings`, and returns what it prints as JSON. */
export async function tool<T>(...args: string[]): Promise<T> {
  const env = { DATABASE_URL: databaseUrl, PATH: process.env.PATH };
  const { stdout } = await run(toolPath, ["--json", ...args], { env });
  return JSON.parse(stdout) as T;
}

/** Returns a link that logs in to the dashboard once. */
export async function loginLink(role: "viewer" | "operator" | "admin" = "admin"): Promise<string> {
  const { url } = await tool<{ url: string }>("dashboard", "login", "--role", role, "--url", apiUrl);
  return url;
}

/** Runs a statement in the database: for states that only a failing provider causes. */
export async function sql(statement: string): Promise<void> {
  await run("psql", [databaseUrl, "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--command", statement]);
}
