/** Whether pages load their data again by themselves. They do not while the tab is hidden or a person has paused them. */

import {
  keepPreviousData,
  notifyManager,
  type QueryKey,
  type UseQueryResult,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  use,
  useCallback,
  useMemo,
  useState,
  useSyncExternalStore,
} from "react";
import { type Answers, answersOf } from "./answers.ts";

interface Live {
  isPaused: boolean;
  setPaused(paused: boolean): void;
}

const Context = createContext<Live>({ isPaused: false, setPaused: () => undefined });

export const useLive = (): Live => use(Context);

export function LiveProvider({ children }: { children: ReactNode }) {
  const [isPaused, setPaused] = useState(false);
  const value = useMemo(() => ({ isPaused, setPaused }), [isPaused]);
  return <Context value={value}>{children}</Context>;
}

interface LiveQuery<T> {
  key: QueryKey;
  load: (signal: AbortSignal) => Promise<T>;
  /** Seconds between two requests; 0 for a single one. */
  every?: number;
  enabled?: boolean;
}

/** Loads data, and loads them again while the page is live. Keeps what it has while other filters are loaded. */
export function useLiveQuery<T>({
  key,
  load,
  every = 5,
  enabled = true,
}: LiveQuery<T>): UseQueryResult<T, Error> {
  const { isPaused } = useLive();
  return useQuery<T, Error>({
    queryKey: key,
    queryFn: ({ signal }) => load(signal),
    enabled,
    placeholderData: keepPreviousData,
    meta: { isLive: every !== 0 },
    // TanStack Query itself makes no request in a hidden tab.
    refetchInterval: isPaused || every === 0 ? false : every * 1000,
    refetchOnWindowFocus: !isPaused && every !== 0,
  });
}

/** Returns a function that loads once what the page shows, also while it is paused. */
export function useLoadNow(): () => void {
  const client = useQueryClient();
  return useCallback(
    () => void client.invalidateQueries({ predicate: ({ meta }) => meta?.isLive === true }),
    [client],
  );
}

/** Returns whether the last requests of the page were answered. */
export function useAnswers(): Answers {
  const cache = useQueryClient().getQueryCache();
  const subscribe = useCallback(
    (changed: () => void) => cache.subscribe(notifyManager.batchCalls(changed)),
    [cache],
  );
  // Text, because a snapshot must be equal to the one before if nothing has changed.
  const text = useSyncExternalStore(subscribe, () => {
    const active = cache.getAll().filter((query) => query.isActive() && query.meta?.isLive === true);
    return JSON.stringify(answersOf(active.map(({ state }) => state)));
  });
  return useMemo(() => JSON.parse(text) as Answers, [text]);
}
