/** What an operator does on the machine of the API. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { apiUrl, databaseUrl, toolPath } from "./environment.ts";

const run = promisify(execFile);

/** Where a tool works: the shared servers, or an installation of a test. */
export interface Place {
  api: string;
  database: string;
}

export const SHARED: Place = { api: apiUrl, database: databaseUrl };

/** Runs the tool `tidings`, and returns what it prints as JSON. */
export async function tool<T>(place: Place, ...args: string[]): Promise<T> {
  const env = { DATABASE_URL: place.database, PATH: process.env.PATH };
  const { stdout } = await run(toolPath, ["--json", ...args], { env });
  return JSON.parse(stdout) as T;
}

/** Returns a link that logs in to the dashboard once. */
export async function loginLink(
  role: "viewer" | "operator" | "admin" = "admin",
  place: Place = SHARED,
): Promise<string> {
  const args = ["dashboard", "login", "--role", role, "--url", place.api];
  const { url } = await tool<{ url: string }>(place, ...args);
  return url;
}

/** Runs a statement in the shared database: for states that only a failing provider causes. */
export async function sql(statement: string): Promise<void> {
  await execute(databaseUrl, statement);
}

/** Runs a statement in a database, and returns what it prints, a line for each row. */
export async function execute(database: string, statement: string): Promise<string> {
  const options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"];
  const { stdout } = await run("psql", [database, ...options, "--command", statement]);
  return stdout.trim();
}
