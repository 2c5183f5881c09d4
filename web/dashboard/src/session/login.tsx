import { type FormEvent, useEffect, useState } from "react";
import { ApiError, SESSION_PATH, send } from "../api/client.ts";
import type { Session } from "./session.tsx";

interface LoginProps {
  /** Whether a session has just ended. */
  hasEnded: boolean;
  onSignIn: (session: Session) => void;
}

/** The token of a one-time link. It is removed from the address before anything else happens. */
function takeLink(): string | undefined {
  const link = location.hash.slice(1);
  if (!location.pathname.endsWith("/login") || link === "") {
    return undefined;
  }
  history.replaceState(null, "", "/dashboard/");
  return link;
}

const link = takeLink();
let isLinkUsed = false;

/** Whether there is a one-time link that was not used yet. */
export const hasLink = () => link !== undefined && !isLinkUsed;

/** The form for people with an account, and what a one-time link leads to. */
export function Login({ hasEnded, onSignIn }: LoginProps) {
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(hasLink);
  const open = async (body: object, refused: string) => {
    setBusy(true);
    setProblem(undefined);
    try {
      onSignIn(await send<Session>("POST", SESSION_PATH, { body }));
    } catch (error) {
      const isRefused = error instanceof ApiError && (error.status === 401 || error.status === 400);
      setProblem(isRefused ? refused : error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: a link works once
  useEffect(() => {
    document.title = "Sign in · Tidings";
    if (hasLink()) {
      isLinkUsed = true;
      void open(
        { link },
        "This link has been used or has expired. Create another one: tidings dashboard login",
      );
    }
  }, []);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    void open(
      { email: String(fields.get("email")).trim(), password: String(fields.get("password")) },
      "The e-mail address or the password is wrong.",
    );
  };
  return (
    <main className="login">
      <h1>Tidings</h1>
      {hasEnded && !problem && (
        <p className="note" role="status">
          Your session has ended. Please sign in again.
        </p>
      )}
      {problem && (
        <p className="note bad" role="alert">
          {problem}
        </p>
      )}
      <form onSubmit={submit}>
        <label>
          <span>E-mail address</span>
          <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          <span>Password</span>
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <button type="submit" className="primary" disabled={isBusy}>
          {isBusy ? "Signing in…" : "Sign in"}
        </button>
      </form>
      <p className="muted">
        No account? On a machine with the settings of Tidings, run <code>tidings dashboard login</code> and
        open the link that it prints.
      </p>
    </main>
  );
}
