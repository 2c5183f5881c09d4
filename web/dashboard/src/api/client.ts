/** Requests to the API, with the cookie of the session. */

/** An answer of the API that is not a success. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: { field: string; message: string }[];
  readonly requestId: string | undefined;

  constructor(status: number, body: Partial<ErrorBody>) {
    super(body.message ?? `The API answered with the status ${status}.`);
    this.status = status;
    this.code = body.code ?? String(status);
    this.details = body.details ?? [];
    this.requestId = body.requestId;
  }
}

interface ErrorBody {
  code: string;
  message: string;
  details: { field: string; message: string }[];
  requestId: string;
}

export type Query = Record<string, string | number | undefined>;

export interface Call {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

let csrfToken: string | undefined;
let onSessionEnd: () => void = () => undefined;

/** Sets the token that each change must carry. It is kept in memory only. */
export function setCsrfToken(token: string | undefined) {
  csrfToken = token;
}

/** Sets what happens when the API no longer accepts the session. */
export function setSessionEndHandler(handler: () => void) {
  onSessionEnd = handler;
}

/** Appends a query, without its empty values. */
export function withQuery(path: string, query: Query = {}): string {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(entries.map(([name, value]) => [name, String(value)])).toString();
  return text === "" ? path : `${path}?${text}`;
}

/** Sends a request, and returns the body of the answer. */
export async function send<T>(method: string, path: string, call: Call = {}): Promise<T> {
  return (await sendForText(method, path, call)) as T;
}

async function sendForText(method: string, path: string, call: Call): Promise<unknown> {
  const headers: Record<string, string> = { ...call.headers };
  if (call.body !== undefined) {
    headers["Content-Type"] = "application/json";
  }
  if (method !== "GET" && csrfToken) {
    headers["X-CSRF-Token"] = csrfToken;
  }
  let response: Response;
  try {
    response = await fetch(withQuery(path, call.query), {
      method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      ...(call.signal ? { signal: call.signal } : {}),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") {
      throw error;
    }
    throw new ApiError(0, { code: "unreachable", message: "The API cannot be reached." });
  }
  const text = await response.text();
  const body = parsed(text);
  if (!response.ok) {
    // The one request that may be refused without a session is that for the session.
    if (response.status === 401 && path !== SESSION_PATH) {
      onSessionEnd();
    }
    throw new ApiError(response.status, isObject(body) ? body : {});
  }
  return body;
}

export const SESSION_PATH = "/api/dashboard/session";

function parsed(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}

function isObject(value: unknown): value is Partial<ErrorBody> {
  return typeof value === "object" && value !== null;
}
