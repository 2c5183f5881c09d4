/** The pages of the dashboard, in the order of the navigation. */

import { type ComponentType, lazy, useMemo } from "react";
import { mayRead, type PagePath } from "../lib/page-scopes.ts";
import { DeadLettersPage } from "../pages/dead-letters/page.tsx";
import { JobsPage } from "../pages/jobs/page.tsx";
import { NotificationsPage } from "../pages/notifications/page.tsx";
import { OverviewPage } from "../pages/overview/page.tsx";
import { useSession } from "../session/session.tsx";

export interface PageEntry {
  path: PagePath;
  title: string;
  /** The key after `g`. */
  key: string;
  component: ComponentType;
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
    component: lazy(() => import("../pages/templates/page.tsx")),
  },
  {
    path: "/endpoints",
    title: "Endpoints",
    key: "e",
    component: lazy(() => import("../pages/endpoints/page.tsx")),
  },
  {
    path: "/users",
    title: "Users",
    key: "u",
    component: lazy(() => import("../pages/users/page.tsx")),
  },
  {
    path: "/categories",
    title: "Categories",
    key: "c",
    component: lazy(() => import("../pages/categories/page.tsx")),
  },
  {
    path: "/schedules",
    title: "Schedules",
    key: "s",
    component: lazy(() => import("../pages/schedules/page.tsx")),
  },
  {
    path: "/keys",
    title: "API keys",
    key: "k",
    component: lazy(() => import("../pages/keys/page.tsx")),
  },
  {
    path: "/audit",
    title: "Audit",
    key: "a",
    component: lazy(() => import("../pages/audit/page.tsx")),
  },
  { path: "/system", title: "System", key: "y", component: lazy(() => import("../pages/system/page.tsx")) },
  {
    path: "/send",
    title: "Send",
    key: "w",
    component: lazy(() => import("../pages/send/page.tsx")),
  },
];

/** The pages that whoever is signed in may read. */
export function usePages(): readonly PageEntry[] {
  const { scopes } = useSession();
  return useMemo(() => PAGES.filter(({ path }) => mayRead(path, scopes)), [scopes]);
}
