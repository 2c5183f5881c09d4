/** The grid of categories and channels: what the user receives by which channel. */

import type { Client } from "./client.ts";
import { h, icon } from "./dom.ts";
import type { Labels } from "./labels.ts";
import type { SettingsHandlers } from "./settings.ts";

/** `GET /api/me/preferences`. */
export interface PreferencesView {
  categories: CategoryView[];
}

interface CategoryView {
  /** `*` for notifications without a category. A choice about them holds for all categories, if it is off. */
  name: string;
  label: string | null;
  description: string | null;
  kind: "critical" | "transactional" | "marketing";
  locked: boolean;
  channels: Cell[];
}

interface Cell {
  channel: string;
  effective: boolean;
  /** The choice that counts. Its category may be `*marketing`, which stands for all marketing categories. */
  choice?: Choice;
}

interface Choice {
  category: string;
  channel: string;
  enabled: boolean | null;
}

const ANY = "*";
/** A webhook is for a program, and its owner switches the endpoint off. */
const isShown = (cell: Cell) => cell.channel !== "webhook";

/**
 * The choices that switch a cell on or off. Whatever is off wins, so a choice about the whole row must be replaced by choices
 * about its cells. A marketing category needs one of its own then: without it, one about all marketing would count.
 */
export function choicesFor(category: CategoryView, cell: Cell, enabled: boolean): Choice[] {
  const chosen = { category: category.name, channel: cell.channel, enabled };
  if (!enabled || cell.choice?.channel !== ANY || cell.choice.enabled) {
    return [chosen];
  }
  const others = category.channels.filter((other) => other !== cell && !other.effective);
  return [
    { ...chosen, channel: ANY, enabled: category.kind === "marketing" ? true : null },
    chosen,
    ...others.map(({ channel }) => ({ ...chosen, channel, enabled: false })),
  ];
}

/** Whether a choice about all notifications has switched this cell off, which a choice about the category cannot change. */
export function isOverruled(category: CategoryView, cell: Cell): boolean {
  return category.name !== ANY && !cell.effective && cell.choice?.category === ANY;
}

export class Preferences {
  readonly #client: Client;
  readonly #labels: Labels;
  readonly #handlers: SettingsHandlers;
  readonly #element = h("section");

  constructor(client: Client, labels: Labels, handlers: SettingsHandlers) {
    this.#client = client;
    this.#labels = labels;
    this.#handlers = handlers;
  }

  show(view: PreferencesView): HTMLElement {
    const labels = this.#labels;
    const channels = view.categories[0]?.channels.filter(isShown) ?? [];
    const head = h(
      "tr",
      {},
      h("th", { scope: "col" }, labels.category),
      ...channels.map(({ channel }) => h("th", { scope: "col" }, labels.channel(channel))),
    );
    const rows = view.categories.map((category) => this.#row(category));
    this.#element.replaceChildren(
      h("h3", {}, labels.preferences),
      h(
        "div",
        { class: "grid", tabindex: 0, role: "group", "aria-label": labels.preferences },
        h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows)),
      ),
    );
    return this.#element;
  }

  #row(category: CategoryView): HTMLElement {
    const labels = this.#labels;
    const isAny = category.name === ANY;
    // The category that every installation has has no label.
    const builtIn = isAny ? labels.everything : category.name === "security" ? labels.security : undefined;
    const name = category.label || builtIn || category.name;
    const description = isAny ? labels.everythingHint : category.description;
    const cells = category.channels.filter(isShown).map((cell) => {
      if (category.locked) {
        return h("td", { title: labels.locked }, icon("lock"), h("span", { class: "sr" }, labels.locked));
      }
      const isOff = isOverruled(category, cell);
      const box = h("input", {
        type: "checkbox",
        checked: cell.effective,
        disabled: isOff,
        title: isOff && labels.overruled,
        "aria-label": labels.cell(name, labels.channel(cell.channel)),
      });
      box.addEventListener("change", () => void this.#choose(box, choicesFor(category, cell, box.checked)));
      return h("td", {}, box);
    });
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, name, description ? h("small", {}, description) : undefined),
      ...cells,
    );
  }

  /** Stores choices, and shows what follows from them. If the API does not take them, the box goes back. */
  async #choose(box: HTMLInputElement, preferences: Choice[]) {
    const label = box.getAttribute("aria-label");
    try {
      const body = { preferences };
      const view = await this.#client.change<PreferencesView>("PATCH", "/api/me/preferences", body);
      if (view) {
        this.show(view);
        const boxes = this.#element.querySelectorAll("input");
        [...boxes].find((one) => one.getAttribute("aria-label") === label)?.focus();
      }
      this.#handlers.announce(this.#labels.saved);
    } catch (error) {
      box.checked = !box.checked;
      this.#handlers.failed(error);
    }
  }
}
