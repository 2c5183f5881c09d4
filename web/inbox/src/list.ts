/** The list of notifications. */

import { contentOf } from "./content.ts";
import { h, icon, iconButton } from "./dom.ts";
import type { Labels } from "./labels.ts";
import { absoluteTime, relativeTime } from "./time.ts";
import type { Change, Item } from "./types.ts";

export interface ListHandlers {
  change(item: Item, change: Change): void;
  /** The user opens an item. Returns whether its link may be followed. */
  open(item: Item, link: string | undefined): boolean;
}

export class ItemList {
  readonly element: HTMLUListElement;
  readonly #labels: Labels;
  readonly #handlers: ListHandlers;
  readonly #rows = new Map<string, ItemRow>();
  #items: Item[] = [];
  /** The item that the tab key reaches. */
  #current: Element | undefined;

  constructor(labels: Labels, handlers: ListHandlers) {
    this.#labels = labels;
    this.#handlers = handlers;
    // With `list-style: none`, Safari drops the role.
    this.element = h("ul", {
      role: "list",
      part: "list",
      keydown: (event: KeyboardEvent) => this.#key(event),
    });
    this.element.addEventListener("focusin", (event) => {
      this.#current = [...this.element.children].find((row) => row.contains(event.target as Node));
      this.#applyTabOrder();
    });
  }

  update(items: Item[]) {
    const focused = this.#focusedIndex();
    this.#items = items;
    const ids = new Set(items.map((item) => item.messageId));
    for (const [id, row] of this.#rows) {
      if (!ids.has(id)) {
        this.#rows.delete(id);
        row.element.remove();
      }
    }
    items.forEach((item, index) => {
      let row = this.#rows.get(item.messageId);
      if (!row) {
        row = new ItemRow(item, this.#labels, this.#handlers);
        this.#rows.set(item.messageId, row);
      }
      row.update(item);
      // A node that is moved loses the focus: move only what is in the wrong place.
      const there = this.element.children[index];
      if (there !== row.element) {
        this.element.insertBefore(row.element, there ?? null);
      }
    });
    this.#applyTabOrder();
    if (focused !== undefined && this.#focusedIndex() === undefined) {
      this.#focus(focused);
    }
  }

  /** Updates the times, which say how long ago something was. */
  tick() {
    for (const row of this.#rows.values()) {
      row.tick();
    }
  }

  #focusedIndex(): number | undefined {
    const root = this.element.getRootNode() as ShadowRoot;
    const index = [...this.element.children].findIndex((row) => row.contains(root.activeElement));
    return index < 0 ? undefined : index;
  }

  #focus(index: number) {
    const rows = this.element.children;
    const row = rows[Math.max(0, Math.min(index, rows.length - 1))];
    row?.querySelector<HTMLElement>("[data-main]")?.focus();
  }

  /** Only one item is in the tab order; the arrow keys choose it. */
  #applyTabOrder() {
    const rows = [...this.element.children];
    const current = rows.find((row) => row === this.#current) ?? rows[0];
    for (const row of rows) {
      for (const control of row.querySelectorAll<HTMLElement>("a, button")) {
        control.tabIndex = row === current ? 0 : -1;
      }
    }
  }

  #key(event: KeyboardEvent) {
    const index = this.#focusedIndex();
    if (index === undefined || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const item = this.#items[index] as Item;
    const steps: Record<string, () => void> = {
      ArrowDown: () => this.#focus(index + 1),
      ArrowUp: () => this.#focus(index - 1),
      Home: () => this.#focus(0),
      End: () => this.#focus(this.#items.length - 1),
      r: () => this.#handlers.change(item, item.readAt === null ? "read" : "unread"),
      e: () => this.#handlers.change(item, item.archivedAt === null ? "archive" : "unarchive"),
    };
    const step = steps[event.key];
    if (step) {
      event.preventDefault();
      step();
    }
  }
}

class ItemRow {
  readonly element = h("li");
  readonly #labels: Labels;
  readonly #handlers: ListHandlers;
  #item: Item;
  /** What is shown, to leave it alone if nothing changes. */
  #shown = "";
  #time: HTMLTimeElement | undefined;

  constructor(item: Item, labels: Labels, handlers: ListHandlers) {
    this.#item = item;
    this.#labels = labels;
    this.#handlers = handlers;
  }

  update(item: Item) {
    this.#item = item;
    const shown = JSON.stringify([item.payload, item.readAt === null, item.archivedAt === null]);
    if (shown === this.#shown) {
      return;
    }
    this.#shown = shown;
    const root = this.element.getRootNode() as ShadowRoot;
    const active = root.activeElement ?? null;
    const hadFocus = [...this.element.querySelectorAll("a, button")].indexOf(active as Element);
    this.#render();
    if (hadFocus >= 0) {
      this.element.querySelectorAll<HTMLElement>("a, button")[hadFocus]?.focus();
    }
  }

  tick() {
    if (this.#time) {
      this.#time.textContent = relativeTime(this.#item.createdAt);
    }
  }

  #render() {
    const item = this.#item;
    const labels = this.#labels;
    const isUnread = item.readAt === null;
    const isArchived = item.archivedAt !== null;
    const { title, body, link } = contentOf(item.payload, document.baseURI);
    const time = h("time", {
      part: "time",
      datetime: item.createdAt,
      title: absoluteTime(item.createdAt),
    });
    this.#time = time;
    const content: Node[] = [
      h(
        "span",
        { part: "title", class: "title" },
        isUnread && h("span", { class: "sr" }, `${labels.isUnread}: `),
        title || labels.untitled,
      ),
      h("span", { part: "body", class: "body" }, body),
      h("span", { class: "meta" }, time, isArchived && h("span", { class: "tag" }, labels.isArchived)),
    ];
    const open = (event: Event) => {
      if (!this.#handlers.open(this.#item, link)) {
        event.preventDefault();
      }
    };
    const main = link
      ? h("a", { class: "main", "data-main": true, href: link, click: open }, ...content)
      : h("button", { type: "button", class: "main", "data-main": true, click: open }, ...content);
    const state = isUnread ? "read" : "unread";
    const place = isArchived ? "unarchive" : "archive";
    const change = (change: Change) => () => this.#handlers.change(this.#item, change);
    this.element.setAttribute("part", isUnread ? "item item-unread" : "item");
    this.element.className = isUnread ? "unread" : "";
    this.element.replaceChildren(
      h("span", { class: "dot", part: "dot" }),
      main,
      h(
        "span",
        { class: "actions" },
        iconButton(state, isUnread ? labels.markRead : labels.markUnread, change(state)),
        iconButton(place, isArchived ? labels.unarchive : labels.archive, change(place)),
      ),
    );
    this.tick();
  }
}

/** An icon for an empty list. */
export function emptyState(text: string): HTMLElement {
  return h("p", { part: "empty", class: "empty" }, icon("bell"), text);
}
