import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useState } from "react";
import { Link, Route, Router, Switch } from "wouter";
import { ApiError, SESSION_PATH, send, setCsrfToken, setSessionEndHandler } from "./api/client.ts";
import { ErrorNote } from "./components/feedback.tsx";
import { Page } from "./components/page.tsx";
import { PAGES, type PageEntry } from "./layout/navigation.ts";
import { Shell } from "./layout/shell.tsx";
import { LiveProvider } from "./lib/live.tsx";
import { mayRead, PAGE_SCOPES } from "./lib/page-scopes.ts";
import { NotificationPage } from "./pages/notification/page.tsx";
import { hasLink, Login } from "./session/login.tsx";
import { type Session, SessionContext } from "./session/session.tsx";

const LookupPage = lazy(() => import("./pages/lookup/page.tsx"));
const TemplatePage = lazy(() => import("./pages/templates/template.tsx"));
const UserPage = lazy(() => import("./pages/users/user.tsx"));

/** Asks who is signed in; null if nobody is, or if a link waits that signs in. */
async function findSession(signal: AbortSignal): Promise<Session | null> {
  if (hasLink()) {
    return null;
  }
  try {
    return await send<Session>("GET", SESSION_PATH, { signal });
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      return null;
    }
    throw error;
  }
}

const SESSION_KEY = ["session"];

/** The form, or the pages for whoever is signed in. */
export function App() {
  const client = useQueryClient();
  const [hasEnded, setEnded] = useState(false);
  const found = useQuery({
    queryKey: SESSION_KEY,
    queryFn: ({ signal }) => findSession(signal),
    staleTime: Number.POSITIVE_INFINITY,
    retry: 1,
  });
  const session = found.data;
  setCsrfToken(session?.csrfToken);
  const end = (ended: boolean) => {
    // Nothing of the session stays in memory.
    void client.cancelQueries();
    client.setQueryData(SESSION_KEY, null);
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION_KEY[0] });
    setEnded(ended);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: `end` uses nothing that changes
  useEffect(() => setSessionEndHandler(() => end(true)), []);

  if (found.error) {
    return (
      <main className="login">
        <h1>Tidings</h1>
        <ErrorNote error={found.error} what="The dashboard cannot start." />
        <button type="button" onClick={() => void found.refetch()}>
          Try again
        </button>
      </main>
    );
  }
  if (session === undefined) {
    return null;
  }
  if (session === null) {
    return <Login hasEnded={hasEnded} onSignIn={(opened) => client.setQueryData(SESSION_KEY, opened)} />;
  }
  return (
    <SessionContext value={session}>
      <LiveProvider>
        <Router base="/dashboard">
          <Shell onSignOut={() => end(false)}>
            <Suspense fallback={<p className="muted">Loading…</p>}>
              <Switch>
                <Route path="/notifications/:id">{({ id }) => <NotificationPage key={id} id={id} />}</Route>
                <Route path="/users/:id">{({ id }) => <UserPage key={id} id={id} />}</Route>
                <Route path="/templates/:name">{({ name }) => <TemplatePage key={name} name={name} />}</Route>
                {PAGES.map((page) => (
                  <Route key={page.path} path={page.path}>
                    {mayRead(page.path, session.scopes) ? (
                      <page.component />
                    ) : (
                      <Unreadable page={page} role={session.role} />
                    )}
                  </Route>
                ))}
                <Route path="/lookup" component={LookupPage} />
                <Route>
                  <Page title="Not found">
                    <p>
                      There is no such page. <Link href="/">Go to the overview</Link>
                    </p>
                  </Page>
                </Route>
              </Switch>
            </Suspense>
          </Shell>
        </Router>
      </LiveProvider>
    </SessionContext>
  );
}

/** What a link to a page shows to those who may not read it. */
function Unreadable({ page: { title, path }, role }: { page: PageEntry; role: string }) {
  return (
    <Page title={title}>
      <p className="note">
        Your role, {role}, may not read this page. It needs {PAGE_SCOPES[path].join(" and ")}. Ask an admin.
      </p>
    </Page>
  );
}
