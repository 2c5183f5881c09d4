/** Commands for a shell that do what a page does. */

import { type Query, withQuery } from "../api/client.ts";

/** Quotes a word for a POSIX shell, if it needs quotes. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_./:=@,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Returns the command that sends a request. The token comes from the variable TOKEN. */
export function curl(
  method: string,
  path: string,
  { query, body }: { query?: Query; body?: unknown } = {},
): string {
  const parts = ["curl"];
  if (method !== "GET") {
    parts.push("-X", method);
  }
  parts.push('-H "Authorization: Bearer $TOKEN"');
  if (body !== undefined) {
    parts.push("-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(body))}`);
  }
  parts.push(quoted(location.origin + withQuery(path, query)));
  return parts.join(" ");
}

/** Returns a command of the tool. Options without a value are left out. */
export function tool(
  command: string,
  options: Record<string, string | number | true | undefined> = {},
): string {
  const parts = [`tidings ${command}`];
  for (const [name, value] of Object.entries(options)) {
    if (value === true) {
      parts.push(`--${name}`);
    } else if (value !== undefined && value !== "") {
      parts.push(`--${name}`, quoted(String(value)));
    }
  }
  return parts.join(" ");
}
