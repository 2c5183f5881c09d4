/** Requests to the API. */

/**
 * Returns a token of the user. `refused` is a token that the API has refused: the function then has to get another one.
 */
export type GetToken = (refused?: string) => string | undefined | Promise<string | undefined>;

/** The API has refused a request. */
export class RequestError extends Error {
  readonly status: number;
  /** How long the API asks to wait, in milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(status: number, message: string, retryAfter?: number) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export class Client {
  readonly #base: string;
  readonly #getToken: GetToken;

  /** `base` is the address of the API, without a slash at its end. */
  constructor(base: string, getToken: GetToken) {
    this.#base = base;
    this.#getToken = getToken;
  }

  /** Sends a request, and sends it again with another token if the API refuses the first. */
  async send(path: string, init: RequestInit = {}): Promise<Response> {
    let token = await this.#getToken();
    let response = await this.#fetch(path, init, token);
    if (response.status === 401) {
      const refused = token;
      token = await this.#getToken(refused);
      if (token && token !== refused) {
        response = await this.#fetch(path, init, token);
      }
    }
    if (!response.ok) {
      throw await failure(response);
    }
    return response;
  }

  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    const response = await this.send(path, signal ? { signal } : {});
    return response.json();
  }

  /** Sends JSON, and returns the answer if there is one. */
  async change<T>(method: "POST" | "PATCH", path: string, body?: unknown): Promise<T | undefined> {
    const init: RequestInit = { method };
    if (body !== undefined) {
      init.headers = { "Content-Type": "application/json" };
      init.body = JSON.stringify(body);
    }
    const response = await this.send(path, init);
    return response.status === 204 ? undefined : response.json();
  }

  #fetch(path: string, init: RequestInit, token: string | undefined): Promise<Response> {
    if (!token) {
      throw new RequestError(401, "There is no token");
    }
    const headers = new Headers(init.headers);
    headers.set("Authorization", `Bearer ${token}`);
    // No cookies: the API has none.
    return fetch(this.#base + path, { ...init, headers, cache: "no-store", credentials: "omit" });
  }
}

async function failure(response: Response): Promise<RequestError> {
  const seconds = Number(response.headers.get("Retry-After") ?? "");
  const body = await response.json().catch(() => undefined);
  // What is wrong with one field says more than that something is wrong.
  const said = body?.details?.[0]?.message ?? body?.message;
  const message = typeof said === "string" ? said : response.statusText;
  return new RequestError(response.status, message, seconds > 0 ? seconds * 1000 : undefined);
}
