/** The quiet hours: when push messages and others wait. */

import { type Client, RequestError } from "./client.ts";
import { h, icon, iconButton } from "./dom.ts";
import type { Labels } from "./labels.ts";
import type { SettingsHandlers } from "./settings.ts";

/** `GET /api/me/settings`, as far as quiet hours need it. */
export interface QuietSettings {
  timezone: string | null;
  quiet: QuietWindow[];
  quietChannels: string[];
}

interface QuietWindow {
  /** 1 is Monday. */
  days: number[];
  from: string;
  to: string;
}

/** The most windows that the API takes. */
const MAX_WINDOWS = 14;
const DAYS = [1, 2, 3, 4, 5, 6, 7];
/** In-app notifications and webhooks are never held. */
const CHANNELS = ["push", "sms", "email"];

export class QuietHours {
  readonly #client: Client;
  readonly #labels: Labels;
  readonly #handlers: SettingsHandlers;
  readonly #element = h("section");
  readonly #problem = h("p", { role: "alert" });
  #windows: QuietWindow[] = [];
  #channels: string[] = [];
  #timezone = "";

  constructor(client: Client, labels: Labels, handlers: SettingsHandlers) {
    this.#client = client;
    this.#labels = labels;
    this.#handlers = handlers;
  }

  show(settings: QuietSettings): HTMLElement {
    this.#windows = settings.quiet.map((window) => ({ ...window, days: [...window.days] }));
    this.#channels = [...settings.quietChannels];
    this.#timezone = settings.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    this.#render();
    return this.#element;
  }

  #render() {
    const labels = this.#labels;
    const zones = Intl.supportedValuesOf("timeZone").map((zone) => h("option", { value: zone }));
    const zone = h("input", {
      list: "zones",
      value: this.#timezone,
      autocomplete: "off",
      spellcheck: "false",
      input: () => {
        this.#timezone = zone.value.trim();
      },
    });
    const channels = CHANNELS.map((channel) =>
      h(
        "label",
        {},
        checkbox(this.#channels.includes(channel), (isOn) => {
          this.#channels = CHANNELS.filter((one) => (one === channel ? isOn : this.#channels.includes(one)));
        }),
        labels.channel(channel),
      ),
    );
    const add = () => {
      this.#windows.push({ days: [...DAYS], from: "22:00", to: "07:00" });
      this.#render();
      this.#element.querySelector<HTMLElement>("fieldset:last-of-type input")?.focus();
    };
    this.#problem.textContent = "";
    this.#element.replaceChildren(
      h("h3", {}, labels.quiet),
      h("p", {}, labels.quietHint),
      ...this.#windows.map((window, index) => this.#window(window, index)),
      h(
        "button",
        {
          type: "button",
          part: "button",
          class: "add",
          disabled: this.#windows.length >= MAX_WINDOWS,
          click: add,
        },
        icon("add"),
        labels.quietAdd,
      ),
      h(
        "div",
        { role: "group", "aria-label": labels.quietChannels, class: "row" },
        `${labels.quietChannels}:`,
        ...channels,
      ),
      h("label", { class: "field" }, labels.timezone, zone),
      h("datalist", { id: "zones" }, ...zones),
      this.#problem,
      h("button", { type: "button", part: "button", class: "save", click: () => this.#save() }, labels.save),
    );
  }

  #window(window: QuietWindow, index: number): HTMLElement {
    const labels = this.#labels;
    const time = (name: "from" | "to") => {
      const input = h("input", {
        type: "time",
        required: true,
        value: window[name],
        input: () => {
          window[name] = input.value;
        },
      });
      return input;
    };
    const remove = () => {
      this.#windows.splice(index, 1);
      this.#render();
      this.#element.querySelector<HTMLElement>(".add")?.focus();
    };
    const days = DAYS.map((day) =>
      h(
        "label",
        {},
        checkbox(window.days.includes(day), (isOn) => {
          window.days = DAYS.filter((one) => (one === day ? isOn : window.days.includes(one)));
        }),
        dayName(day),
      ),
    );
    return h(
      "fieldset",
      {},
      h("legend", { class: "sr" }, `${labels.quiet} ${index + 1}`),
      h(
        "div",
        { class: "row" },
        h("label", { class: "field time" }, labels.quietFrom, time("from")),
        h("label", { class: "field time" }, labels.quietTo, time("to")),
        iconButton("remove", labels.quietRemove, remove),
      ),
      h("div", { role: "group", "aria-label": labels.quietDays, class: "days" }, ...days),
    );
  }

  async #save() {
    this.#problem.textContent = "";
    try {
      const body: Partial<QuietSettings> = { quiet: this.#windows, quietChannels: this.#channels };
      if (this.#timezone) {
        body.timezone = this.#timezone;
      }
      await this.#client.change("PATCH", "/api/me/settings", body);
      this.#handlers.announce(this.#labels.saved);
      this.#problem.textContent = this.#labels.saved;
    } catch (error) {
      // The API says what is wrong with the times.
      if (error instanceof RequestError && error.status === 400) {
        this.#problem.textContent = error.message;
      } else {
        this.#handlers.failed(error);
      }
    }
  }
}

function checkbox(isOn: boolean, change: (isOn: boolean) => void): HTMLInputElement {
  const input = h("input", { type: "checkbox", checked: isOn });
  input.addEventListener("change", () => change(input.checked));
  return input;
}

/** The short name of a day in the language of the page. The first of January 2024 was a Monday. */
function dayName(day: number): string {
  const language = document.documentElement.lang || undefined;
  return new Date(Date.UTC(2024, 0, day)).toLocaleDateString(language, { weekday: "short", timeZone: "UTC" });
}
