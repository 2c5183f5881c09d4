/** The shapes of the API that the element reads. Members that it does not use are left out. */

/** A notification in the inbox. */
export interface Item {
  messageId: string;
  /** What the sender wrote: any JSON. Null if it is hidden or erased. */
  payload: unknown;
  category?: string | null;
  createdAt: string;
  processedAt?: string | null;
  readAt: string | null;
  archivedAt: string | null;
  /** In an event of the stream: it arrived in the user's quiet hours. */
  quiet?: boolean;
}

/** A page of `GET /api/inbox`. */
export interface ItemPage {
  items: Item[];
  nextCursor: string | null;
  /** What the page had seen; `read-all` marks nothing newer. */
  upTo: string;
}

/** `GET /api/inbox/counts`. */
export interface Counts {
  unread: number;
  /** Whether there are more than `unread`. */
  capped: boolean;
}

/** The lists that the element shows. */
export const FILTERS = ["unread", "all", "archived"] as const;
export type Filter = (typeof FILTERS)[number];

/** What a user does with an item. The names are those of the API's paths. */
export type Change = "read" | "unread" | "archive" | "unarchive";
