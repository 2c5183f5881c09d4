/** Who uses the dashboard, and what they may do. */

import { createContext, use } from "react";
import type { DashboardSession as Session } from "../api/types.gen.ts";

export type { Session };

export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) {
    throw new Error("there is no session");
  }
  return session;
}

/** Returns whether the session has a scope. */
export function useMay(scope: string): boolean {
  const { scopes } = useSession();
  return scopes.includes("admin") || scopes.includes(scope);
}
