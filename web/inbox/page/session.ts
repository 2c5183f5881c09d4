/** The session of the page: tokens in memory only, so that nothing remains in the browser when the page is closed. */

export interface User {
  id: string;
  email: string | null;
  username: string | null;
}

interface Tokens {
  accessToken: string;
  refreshToken: string;
}

/** Why nobody is signed in. The message is for people. */
export class SignInError extends Error {}

export class Session {
  readonly user: User;
  #tokens: Tokens;
  /** One refresh at a time: a token that has been replaced works no more. */
  #refreshing: Promise<string | undefined> | undefined;

  private constructor(user: User, tokens: Tokens) {
    this.user = user;
    this.#tokens = tokens;
  }

  static async signIn(name: string, password: string): Promise<Session> {
    const who = name.includes("@") ? { email: name } : { username: name };
    const response = await post("/api/auth/login", { ...who, password });
    if (!response.ok) {
      throw new SignInError(await explain(response));
    }
    const { user, accessToken, refreshToken } = await response.json();
    return new Session(user, { accessToken, refreshToken });
  }

  /** The access token; another one if the API has refused it. */
  token(refused?: string): string | undefined | Promise<string | undefined> {
    if (refused === undefined || refused !== this.#tokens.accessToken) {
      return this.#tokens.accessToken;
    }
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<string | undefined> {
    const response = await post("/api/auth/refresh", { refreshToken: this.#tokens.refreshToken });
    if (!response.ok) {
      return undefined;
    }
    const { accessToken, refreshToken } = await response.json();
    this.#tokens = { accessToken, refreshToken };
    return accessToken;
  }

  /** Ends the session. Without the network, it ends by its age. */
  async signOut() {
    await post("/api/auth/logout", { refreshToken: this.#tokens.refreshToken }).catch(() => undefined);
  }
}

function post(path: string, body: unknown): Promise<Response> {
  return fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    credentials: "omit",
  });
}

async function explain(response: Response): Promise<string> {
  if (response.status === 401) {
    return "The name or the password is wrong.";
  }
  if (response.status === 404) {
    return "This installation has no accounts (ACCOUNTS=off).";
  }
  const body = await response.json().catch(() => undefined);
  return typeof body?.message === "string" ? body.message : "The API does not answer.";
}
