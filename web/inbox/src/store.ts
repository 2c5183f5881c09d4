/** What the element knows of the inbox, and how it changes. Knows no DOM. */

import { type Client, RequestError } from "./client.ts";
import type { StreamEvent } from "./sse.ts";
import type { Change, Counts, Filter, Item, ItemPage } from "./types.ts";

/** The items of a page; the most that one request asks for. */
const PAGE = 20;
const MAX_PAGE = 100;
/** Up to which number unread notifications are counted: as far as the stream counts them. */
const CAP = 100;
/** How many ids of events are remembered, and of what arrived after the list was loaded. */
const MAX_KNOWN = 1000;
/** Without an event `counts` after a change, the number is asked for. */
const COUNTS_AFTER_MS = 1000;

/** What the event `state` says of an item. */
type StateItem = Pick<Item, "messageId" | "readAt" | "archivedAt">;

export interface StoreListener {
  /** Something that is shown has changed. */
  changed(): void;
  /** The number of unread notifications is known, or has changed. */
  counted(counts: Counts): void;
  /** A notification has arrived while the element was watching. */
  arrived(item: Item): void;
  failed(error: unknown): void;
}

export class InboxStore {
  filter: Filter = "unread";
  items: Item[] = [];
  counts: Counts | undefined;
  hasMore = false;
  isLoading = false;
  /** Whether somebody sees the list. Otherwise only the number of unread notifications matters. */
  isShown = false;
  /** Whether the list of the filter was loaded. */
  isLoaded = false;
  readonly #client: Client;
  readonly #listener: StoreListener;
  #cursor: string | undefined;
  #upTo: string | undefined;
  /** The ids of what arrived after the list was loaded, which `upTo` does not cover. */
  #arrivedSince = new Set<string>();
  /** What arrived while the list was being loaded: it may be newer than the list. */
  #arrivedMeanwhile = new Map<string, Item>();
  /** The ids of events: a stream may repeat one. */
  #known = new Set<string>();
  /** Changes that the API has not confirmed: a list that is loaded meanwhile must not undo them. */
  #pending = new Map<string, Partial<Item>>();
  #load = 0;
  #countsTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Client, listener: StoreListener) {
    this.#client = client;
    this.#listener = listener;
  }

  stop() {
    this.#load += 1;
    clearTimeout(this.#countsTimer);
  }

  show(filter: Filter) {
    this.filter = filter;
    this.items = [];
    this.isLoaded = false;
    this.hasMore = false;
    return this.reload();
  }

  /** Loads the list from its beginning, as long as it was before. */
  reload() {
    const limit = Math.min(MAX_PAGE, Math.max(PAGE, this.items.length));
    return this.#request(limit, undefined);
  }

  more() {
    return this.#cursor === undefined || this.isLoading ? undefined : this.#request(PAGE, this.#cursor);
  }

  async #request(limit: number, cursor: string | undefined) {
    this.#load += 1;
    const load = this.#load;
    this.isLoading = true;
    this.#arrivedMeanwhile.clear();
    this.#listener.changed();
    const query = new URLSearchParams({ state: this.filter, limit: String(limit) });
    if (cursor !== undefined) {
      query.set("cursor", cursor);
    }
    try {
      const page = await this.#client.get<ItemPage>(`/api/inbox?${query}`);
      if (load === this.#load) {
        this.#take(page, cursor !== undefined);
      }
    } catch (error) {
      if (load === this.#load) {
        this.#fail(error);
      }
    } finally {
      if (load === this.#load) {
        this.isLoading = false;
        this.#listener.changed();
      }
    }
  }

  #take(page: ItemPage, isNext: boolean) {
    const items = page.items.map((item) => ({ ...item, ...this.#pending.get(item.messageId) }));
    if (isNext) {
      const shown = new Set(this.items.map((item) => item.messageId));
      this.items.push(...items.filter((item) => !shown.has(item.messageId)));
    } else {
      const listed = new Set(items.map((item) => item.messageId));
      const newer = [...this.#arrivedMeanwhile.values()].filter((item) => !listed.has(item.messageId));
      this.items = [...newer.reverse().filter((item) => matches(item, this.filter)), ...items];
      this.#upTo = page.upTo;
      this.#arrivedSince = new Set(this.#arrivedMeanwhile.keys());
      this.#arrivedMeanwhile.clear();
    }
    this.#cursor = page.nextCursor ?? undefined;
    this.hasMore = this.#cursor !== undefined;
    this.isLoaded = true;
  }

  async count() {
    clearTimeout(this.#countsTimer);
    this.#countsTimer = undefined;
    try {
      this.#setCounts(await this.#client.get<Counts>(`/api/inbox/counts?cap=${CAP}`));
    } catch (error) {
      this.#listener.failed(error);
    }
  }

  #setCounts(counts: Counts) {
    this.counts = counts;
    this.#listener.counted(counts);
  }

  #countSoon() {
    this.#countsTimer ??= setTimeout(() => void this.count(), COUNTS_AFTER_MS);
  }

  /** Shows the change at once, and takes it back if the API refuses it. */
  async change(item: Item, change: Change) {
    const was = { readAt: item.readAt, archivedAt: item.archivedAt };
    const patch = patchOf(change, item);
    const load = this.#load;
    this.#patch(item.messageId, patch);
    this.#pending.set(item.messageId, patch);
    this.#add(unreadBy(patch) - unreadBy(was));
    try {
      await this.#client.change("POST", `/api/inbox/${item.messageId}/${change}`);
      this.#countSoon();
      this.#confirmed(item.messageId, patch, load);
    } catch (error) {
      this.#pending.delete(item.messageId);
      this.#listener.failed(error);
      this.refresh();
    } finally {
      if (this.#pending.get(item.messageId) === patch) {
        this.#pending.delete(item.messageId);
      }
    }
  }

  /** A list that was asked for since the change can be older than it. Without a stream, nothing else would tell. */
  #confirmed(id: string, patch: Pick<Item, "readAt" | "archivedAt">, load: number) {
    const isListed = this.items.some((item) => item.messageId === id);
    if (this.isShown && load !== this.#load && !isListed && matches(patch, this.filter)) {
      void this.reload();
    }
  }

  /** Marks as read what was shown: never what has arrived unseen meanwhile. */
  async readAll() {
    const now = new Date().toISOString();
    const ids = [...this.#arrivedSince];
    try {
      while (this.#upTo !== undefined) {
        const body = { upTo: this.#upTo };
        const answer = await this.#client.change<{ more: boolean }>("POST", "/api/inbox/read-all", body);
        if (!answer?.more) {
          break;
        }
      }
      for (let from = 0; from < ids.length; from += 200) {
        const body = { ids: ids.slice(from, from + 200), read: true };
        await this.#client.change("POST", "/api/inbox/state", body);
      }
      this.items = this.items.map((item) => ({ ...item, readAt: item.readAt ?? now }));
      this.#listener.changed();
      if (ids.length === MAX_KNOWN) {
        // There may have been more, which are still unread.
        void this.reload();
      }
      await this.count();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown) {
    this.#listener.failed(error);
    // The database was replaced, so its positions are worth nothing.
    if (error instanceof RequestError && error.status === 409) {
      this.show(this.filter);
    }
  }

  /** Applies an event of the stream. */
  apply(event: StreamEvent) {
    const data = parse(event.data);
    if (event.type === "notification" && typeof data?.messageId === "string") {
      this.#arrive(data as unknown as Item);
    } else if (event.type === "counts" && typeof data?.unread === "number") {
      clearTimeout(this.#countsTimer);
      this.#countsTimer = undefined;
      this.#setCounts({ unread: data.unread, capped: data.capped === true });
    } else if (event.type === "state" && Array.isArray(data?.items)) {
      this.#changedElsewhere(data.items as StateItem[]);
      this.#countSoon();
    } else if (event.type === "reset") {
      this.refresh();
    }
  }

  /** Applies what this or another device has changed. */
  #changedElsewhere(changed: StateItem[]) {
    const shown = new Set(this.items.map((item) => item.messageId));
    for (const { messageId, readAt, archivedAt } of changed) {
      if (shown.has(messageId)) {
        this.#patch(messageId, { readAt, archivedAt });
      }
    }
    if (this.isShown && changed.some((item) => !shown.has(item.messageId) && matches(item, this.filter))) {
      void this.reload();
    }
  }

  /** Loads what is shown again. */
  refresh() {
    if (this.isShown) {
      void this.reload();
    }
    void this.count();
  }

  #arrive(item: Item) {
    if (this.#known.has(item.messageId)) {
      return;
    }
    remember(this.#known, item.messageId);
    remember(this.#arrivedSince, item.messageId);
    if (this.isLoading) {
      this.#arrivedMeanwhile.set(item.messageId, item);
    }
    if (this.items.some((other) => other.messageId === item.messageId)) {
      this.#patch(item.messageId, item);
    } else if (this.isLoaded && matches(item, this.filter)) {
      const items = [item, ...this.items];
      // Whoever opens the list loads it again.
      this.items = this.isShown ? items : items.slice(0, MAX_PAGE);
      this.#listener.changed();
    }
    this.#countSoon();
    if (item.readAt === null) {
      this.#listener.arrived(item);
    }
  }

  /** Changes an item. One that is read stays in the list of unread ones until it is loaded again: somebody may be reading. */
  #patch(id: string, patch: Partial<Item>) {
    const stays = (item: Item) =>
      this.filter === "all" || (item.archivedAt !== null) === (this.filter === "archived");
    this.items = this.items.flatMap((item) => {
      if (item.messageId !== id) {
        return [item];
      }
      const changed = { ...item, ...patch };
      return stays(changed) ? [changed] : [];
    });
    this.#listener.changed();
  }

  #add(unread: number) {
    if (this.counts && !this.counts.capped && unread !== 0) {
      this.#setCounts({ unread: Math.max(0, this.counts.unread + unread), capped: false });
    }
  }
}

/** What a change does, as the API does it: what is archived is read. */
export function patchOf(change: Change, item: Item): Pick<Item, "readAt" | "archivedAt"> {
  const now = new Date().toISOString();
  switch (change) {
    case "read":
      return { readAt: item.readAt ?? now, archivedAt: item.archivedAt };
    case "unread":
      return { readAt: null, archivedAt: null };
    case "archive":
      return { readAt: item.readAt ?? now, archivedAt: item.archivedAt ?? now };
    case "unarchive":
      return { readAt: item.readAt, archivedAt: null };
  }
}

/** Whether an item belongs to a list. */
export function matches(item: Pick<Item, "readAt" | "archivedAt">, filter: Filter): boolean {
  return (
    filter === "all" ||
    (filter === "archived" ? item.archivedAt !== null : item.readAt === null && item.archivedAt === null)
  );
}

/** Adds an id to those that are remembered, and forgets the oldest if there are too many. */
function remember(ids: Set<string>, id: string) {
  ids.delete(id);
  ids.add(id);
  if (ids.size > MAX_KNOWN) {
    const [oldest] = ids;
    ids.delete(oldest as string);
  }
}

function unreadBy(state: Pick<Item, "readAt" | "archivedAt">): number {
  return matches(state, "unread") ? 1 : 0;
}

function parse(data: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
