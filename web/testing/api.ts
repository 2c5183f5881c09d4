/** A client of the API under test. */

import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { apiUrl, jwtSecret } from "./environment.ts";

/** Signs a token with the secret of the API. */
export function signToken(claims: Record<string, unknown>): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ iat: 1_703_600_000, ...claims })}`;
  return `${text}.${createHmac("sha256", jwtSecret).update(text).digest("base64url")}`;
}

const service = signToken({ userId: "00000000-0000-4000-8000-000000000002", scope: "admin" });

/** Sends a request as a trusted service, and returns the answer, which must be a success. */
export async function request<T>(
  method: string,
  path: string,
  body?: unknown,
  api: string = apiUrl,
): Promise<T> {
  const response = await fetch(api + path, {
    method,
    headers: { Authorization: `Bearer ${service}`, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** A user of one test. */
export interface TestUser {
  id: string;
  email: string;
  password: string;
  /** A token like that of a login. */
  token: string;
}

/** Creates a user. */
export async function createUser(): Promise<TestUser> {
  const name = `web-${randomUUID()}`;
  const email = `${name}@example.com`;
  const password = `horse battery ${name}`;
  const { id } = await request<{ id: string }>("POST", "/api/v1/users", { username: name, email, password });
  return { id, email, password, token: tokenOf(id) };
}

/** A token of a user. `expiresIn` seconds, which may be negative. */
export function tokenOf(id: string, expiresIn = 3600): string {
  const exp = Math.floor(Date.now() / 1000) + expiresIn;
  const scope = "notifications:read contacts:write inbox preferences:write";
  return signToken({ userId: id, scope, exp });
}

/** Sends an in-app notification, and returns its id. */
export async function send(user: TestUser, payload: unknown, more: object = {}): Promise<string> {
  const body = { targetUserId: user.id, type: "in-app", payload, ...more };
  const { messageId } = await request<{ messageId: string }>("POST", "/api/notifications", body);
  return messageId;
}

/** Sends notifications one after the other, and waits until the inbox has them. */
export async function sendAll(user: TestUser, payloads: unknown[]) {
  for (const payload of payloads) {
    await send(user, payload);
  }
  await eventually("the inbox has all notifications", async () => {
    const { unread } = await request<{ unread: number }>("GET", `/api/inbox/counts?userId=${user.id}`);
    return unread >= payloads.length || `${unread} of ${payloads.length}`;
  });
}

/** Waits until `check` returns true. Anything else it returns is a part of the error. */
export async function eventually(what: string, check: () => Promise<unknown> | unknown, seconds = 30) {
  const until = Date.now() + seconds * 1000;
  let last: unknown;
  while (Date.now() < until) {
    last = await check();
    if (last === true) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`${what}: not within ${seconds} s; last: ${String(last)}`);
}
