/** What somebody must hold to read a page: without all of these scopes, the API answers none of what the page asks for. */

export const PAGE_SCOPES = {
  "/": ["dashboard"],
  "/notifications": ["dashboard"],
  "/dead-letters": ["dashboard"],
  "/jobs": ["dashboard"],
  "/templates": ["dashboard"],
  "/endpoints": ["dashboard"],
  "/users": ["users:read"],
  "/categories": ["dashboard"],
  "/schedules": ["schedules:write", "notifications:send:any"],
  "/keys": ["dashboard"],
  "/audit": ["audit:read"],
  "/system": ["dashboard"],
  "/send": ["notifications:send:any"],
} as const satisfies Record<string, readonly string[]>;

export type PagePath = keyof typeof PAGE_SCOPES;

const isPage = (path: string): path is PagePath => Object.hasOwn(PAGE_SCOPES, path);

/** Returns whether somebody with these scopes may read the page that a link leads to. */
export function mayRead(link: string, held: readonly string[]): boolean {
  const path = link.split("?")[0] ?? "";
  return !isPage(path) || held.includes("admin") || PAGE_SCOPES[path].every((scope) => held.includes(scope));
}
