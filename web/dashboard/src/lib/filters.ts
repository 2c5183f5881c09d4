/** Filters live in the address of the page. */

import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";

export type Filters<Name extends string> = { [Each in Name]?: string | undefined };

/** Returns the change that removes all of these filters. */
export function without<Name extends string>(names: readonly Name[]): Filters<Name> {
  return Object.fromEntries(names.map((name) => [name, undefined])) as Filters<Name>;
}

/** Returns the filters that the address sets, and a function that changes them. */
export function useFilters<Name extends string>(
  names: readonly Name[],
): [Filters<Name>, (change: Filters<Name>, replace?: boolean) => void] {
  const [params, setParams] = useSearchParams();
  const key = params.toString();
  const filters = useMemo(() => {
    const now = new URLSearchParams(key);
    const found: Filters<Name> = {};
    for (const name of names) {
      const value = now.get(name);
      if (value) {
        found[name] = value;
      }
    }
    return found;
  }, [key, names]);
  const change = useCallback(
    (changed: Filters<Name>, replace = false) => {
      setParams(
        (before) => {
          const next = new URLSearchParams(before);
          for (const [name, value] of Object.entries<string | undefined>(changed)) {
            if (value) {
              next.set(name, value);
            } else {
              next.delete(name);
            }
          }
          return next;
        },
        { replace },
      );
    },
    [setParams],
  );
  return [filters, change];
}

/** Returns the address of a page with filters. */
export function linkTo(
  path: string,
  filters: Record<string, string | number | null | undefined> = {},
): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) {
    if (value !== undefined && value !== null && value !== "") {
      params.set(name, String(value));
    }
  }
  const text = params.toString();
  return text === "" ? path : `${path}?${text}`;
}
