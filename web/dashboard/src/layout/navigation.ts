/** The pages of the dashboard, in the order of the navigation. */

import { type ComponentType, lazy, useMemo } from "react";
import { DeadLettersPage } from "../pages/dead-letters/page.tsx";
import { JobsPage } from "../pages/jobs/page.tsx";
import { NotificationsPage } from "../pages/notifications/page.tsx";
import { OverviewPage } from "../pages/overview/page.tsx";
import { useSession } from "../session/session.tsx";

export interface PageEntry {
  path: string;
  title: string;
  /** The key after `g`. */
  key: string;
  component: ComponentType;
  /** Without this scope, the page can show nothing. */
  scope?: string;
}

export const PAGES: readonly PageEntry[] = [
  { path: "/", title: "Overview", key: "o", component: OverviewPage },
  { path: "/notifications", title: "Notifications", key: "n", component: NotificationsPage },
  { path: "/dead-letters", title: "Dead letters", key: "d", component: DeadLettersPage },
  { path: "/jobs", title: "Jobs", key: "j", component: JobsPage },
  {
    path: "/templates",
    title: "Templates",
    key: "t",
    scope: "dashboard",
    component: lazy(() => import("../pages/templates/page.tsx")),
  },
  {
    path: "/endpoints",
    title: "Endpoints",
    key: "e",
    scope: "dashboard",
    component: lazy(() => import("../pages/endpoints/page.tsx")),
  },
  {
    path: "/users",
    title: "Users",
    key: "u",
    scope: "users:read",
    component: lazy(() => import("../pages/users/page.tsx")),
  },
  {
    path: "/categories",
    title: "Categories",
    key: "c",
    scope: "dashboard",
    component: lazy(() => import("../pages/categories/page.tsx")),
  },
  {
    path: "/schedules",
    title: "Schedules",
    key: "s",
    scope: "schedules:write",
    component: lazy(() => import("../pages/schedules/page.tsx")),
  },
  {
    path: "/keys",
    title: "API keys",
    key: "k",
    scope: "dashboard",
    component: lazy(() => import("../pages/keys/page.tsx")),
  },
  {
    path: "/audit",
    title: "Audit",
    key: "a",
    scope: "audit:read",
    component: lazy(() => import("../pages/audit/page.tsx")),
  },
  { path: "/system", title: "System", key: "y", component: lazy(() => import("../pages/system/page.tsx")) },
  {
    path: "/send",
    title: "Send",
    key: "w",
    scope: "notifications:send:any",
    component: lazy(() => import("../pages/send/page.tsx")),
  },
];

/** The pages that can show something to who is signed in. */
export function usePages(): readonly PageEntry[] {
  const { scopes } = useSession();
  return useMemo(
    () => PAGES.filter(({ scope }) => !scope || scopes.includes("admin") || scopes.includes(scope)),
    [scopes],
  );
}
