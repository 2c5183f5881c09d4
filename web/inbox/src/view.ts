/** The bell and the panel with the list of notifications. */

import { contentOf } from "./content.ts";
import { h, icon, iconButton } from "./dom.ts";
import type { Labels } from "./labels.ts";
import { emptyState, ItemList } from "./list.ts";
import { placePanel } from "./place.ts";
import type { Settings } from "./settings.ts";
import type { InboxStore } from "./store.ts";
import { FILTERS, type Filter, type Item } from "./types.ts";

/** The largest number of unread notifications that is shown. */
const MAX_SHOWN = 99;

export interface ViewOptions {
  store: InboxStore;
  settings: Settings;
  labels: Labels;
  /** Whether the inbox is a part of the page instead of a panel that the bell opens. */
  isInline: boolean;
  opens(item: Item, link: string | undefined): boolean;
  /** The user opens the inbox. */
  shown(): void;
}

export class View {
  readonly panel: HTMLElement;
  readonly nodes: Node[];
  readonly #options: ViewOptions;
  readonly #bell: HTMLElement;
  readonly #badge = h("span", { part: "badge", class: "badge", "aria-hidden": "true" });
  readonly #readAll: HTMLButtonElement;
  readonly #settingsButton: HTMLButtonElement;
  readonly #tabs = new Map<Filter, HTMLButtonElement>();
  readonly #list: ItemList;
  readonly #empty = h("div");
  readonly #more: HTMLButtonElement;
  readonly #tabPanel: HTMLElement;
  readonly #inbox: HTMLElement;
  readonly #heading: HTMLHeadingElement;
  readonly #back: HTMLButtonElement;
  readonly #status = h("p", { part: "status", class: "status", role: "status" });
  readonly #live = h("div", { class: "sr", "aria-live": "polite" });
  #emptyText = "";

  constructor(options: ViewOptions) {
    this.#options = options;
    const { store, settings, labels, isInline } = options;
    this.#list = new ItemList(labels, {
      change: (item, change) => void store.change(item, change),
      open: (item, link) => this.#open(item, link),
    });
    this.#readAll = iconButton("readAll", labels.readAll, () => this.#markAll());
    this.#settingsButton = iconButton("settings", labels.settings, () => this.#showSettings(true));
    this.#back = iconButton("back", labels.back, () => this.#showSettings(false), { hidden: true });
    this.#heading = h("h2", { part: "heading", tabindex: -1 }, labels.title);
    this.#more = h(
      "button",
      { type: "button", part: "button more", class: "more", click: () => void store.more() },
      labels.more,
    );
    this.#tabPanel = h(
      "div",
      { id: "list", role: "tabpanel", class: "scroll" },
      this.#list.element,
      this.#empty,
      this.#more,
    );
    this.#inbox = h("div", { class: "inbox" }, this.#tabList(labels), this.#tabPanel);
    const content = [
      h(
        "header",
        { part: "header" },
        this.#back,
        isInline && h("span", { class: "bell" }, icon("bell"), this.#badge),
        this.#heading,
        this.#readAll,
        this.#settingsButton,
      ),
      this.#inbox,
      settings.element,
      this.#status,
    ];
    if (isInline) {
      this.#bell = this.#heading;
      this.panel = h("section", { part: "panel", class: "panel", "aria-label": labels.title }, ...content);
      this.nodes = [this.panel, this.#live];
    } else {
      const bell = h("button", { type: "button", part: "bell", class: "bell" }, icon("bell"), this.#badge);
      this.#bell = bell;
      this.panel = h(
        "section",
        { part: "panel", class: "panel", role: "dialog", popover: "auto", "aria-label": labels.title },
        ...content,
      );
      bell.popoverTargetElement = this.panel;
      this.panel.addEventListener("beforetoggle", (event) => {
        this.#toggle((event as ToggleEvent).newState === "open");
      });
      this.nodes = [bell, this.panel, this.#live];
    }
    this.render();
  }

  render() {
    const { store, settings, labels, isInline } = this.#options;
    const counted = store.counts?.unread ?? 0;
    const isMore = counted > MAX_SHOWN;
    const unread = Math.min(counted, MAX_SHOWN);
    this.#badge.textContent = unread === 0 ? "" : `${unread}${isMore ? "+" : ""}`;
    this.#badge.hidden = unread === 0;
    if (!isInline) {
      this.#bell.setAttribute("aria-label", labels.bell(unread, isMore));
    }
    const isInSettings = !settings.element.hidden;
    this.#readAll.disabled = unread === 0;
    this.#readAll.hidden = isInSettings;
    this.#settingsButton.hidden = isInSettings || !settings.isAvailable;
    for (const [filter, tab] of this.#tabs) {
      const isSelected = filter === store.filter;
      tab.setAttribute("aria-selected", String(isSelected));
      tab.tabIndex = isSelected ? 0 : -1;
    }
    this.#tabPanel.setAttribute("aria-labelledby", `tab-${store.filter}`);
    this.#list.update(store.items);
    this.#more.hidden = !store.hasMore;
    this.#more.disabled = store.isLoading;
    const text = { unread: labels.emptyUnread, all: labels.emptyAll, archived: labels.emptyArchived };
    this.#showEmpty(store.items.length > 0 ? "" : store.isLoaded ? text[store.filter] : labels.loading);
  }

  tick() {
    this.#list.tick();
  }

  /** Tells users of screen readers something. */
  announce(text: string) {
    this.#live.textContent = text;
  }

  /** Shows a line below the list; nothing if it is empty. */
  status(text: string) {
    this.#status.textContent = text;
    this.#status.hidden = text === "";
  }

  #showEmpty(text: string) {
    if (text !== this.#emptyText) {
      this.#emptyText = text;
      this.#empty.replaceChildren(...(text === "" ? [] : [emptyState(text)]));
    }
  }

  #tabList(labels: Labels): HTMLElement {
    for (const filter of FILTERS) {
      const click = () => void this.#options.store.show(filter);
      const attributes = { id: `tab-${filter}`, role: "tab", "aria-controls": "list", part: "tab", click };
      this.#tabs.set(filter, h("button", { type: "button", ...attributes }, labels[filter]));
    }
    const tabs = [...this.#tabs.values()];
    const key = (event: KeyboardEvent) => {
      const at = tabs.indexOf(event.target as HTMLButtonElement);
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (at >= 0 && step !== undefined) {
        const next = tabs[(at + step + tabs.length) % tabs.length];
        next?.click();
        next?.focus();
      }
    };
    return h("div", { role: "tablist", part: "tabs", "aria-label": labels.title, keydown: key }, ...tabs);
  }

  #open(item: Item, link: string | undefined): boolean {
    if (item.readAt === null) {
      void this.#options.store.change(item, "read");
    }
    const mayFollow = this.#options.opens(item, link);
    if (link !== undefined) {
      this.panel.hidePopover?.();
    }
    return mayFollow;
  }

  async #markAll() {
    await this.#options.store.readAll();
    // The button is disabled now, and a disabled control has no focus.
    this.#heading.focus();
    this.announce(this.#options.labels.marked);
  }

  #showSettings(show: boolean) {
    const { settings, labels } = this.#options;
    settings.element.hidden = !show;
    this.#inbox.hidden = show;
    this.#back.hidden = !show;
    this.#heading.textContent = show ? labels.settings : labels.title;
    this.render();
    (show ? this.#back : this.#settingsButton).focus();
  }

  readonly #follow = () => placePanel(this.panel, this.#bell);

  #toggle(isOpen: boolean) {
    this.#options.store.isShown = isOpen;
    if (isOpen) {
      this.#options.shown();
      this.#follow();
      addEventListener("resize", this.#follow);
      addEventListener("scroll", this.#follow, { capture: true, passive: true });
    } else {
      const root = this.panel.getRootNode() as ShadowRoot;
      if (this.panel.contains(root.activeElement)) {
        this.#bell.focus();
      }
      removeEventListener("resize", this.#follow);
      removeEventListener("scroll", this.#follow, { capture: true });
    }
  }
}

/** What a notification says, for an announcement. */
export function titleOf(item: Item, labels: Labels): string {
  return contentOf(item.payload, document.baseURI).title || labels.untitled;
}
