/** The preferences and the quiet hours of the user. */

import { type Client, RequestError } from "./client.ts";
import { h } from "./dom.ts";
import type { Labels } from "./labels.ts";
import { Preferences, type PreferencesView } from "./preferences.ts";
import { QuietHours, type QuietSettings } from "./quiet.ts";

export interface SettingsHandlers {
  /** It is known what the API offers. */
  loaded(): void;
  announce(text: string): void;
  failed(error: unknown): void;
}

export class Settings {
  readonly element = h("div", { part: "settings", class: "settings", hidden: true });
  /** Whether the API offers any of it to this user. */
  isAvailable = false;
  readonly #client: Client;
  readonly #handlers: SettingsHandlers;
  readonly #preferences: Preferences;
  readonly #quiet: QuietHours;

  constructor(client: Client, labels: Labels, handlers: SettingsHandlers) {
    this.#client = client;
    this.#handlers = handlers;
    this.#preferences = new Preferences(client, labels, handlers);
    this.#quiet = new QuietHours(client, labels, handlers);
  }

  /** Loads both parts, and shows those that the API has. */
  async load() {
    try {
      const [preferences, quiet] = await Promise.all([
        this.#offered<PreferencesView>("/api/me/preferences"),
        this.#offered<QuietSettings>("/api/me/settings"),
      ]);
      const parts = [
        preferences && this.#preferences.show(preferences),
        quiet && this.#quiet.show(quiet),
      ].filter((part) => part !== undefined);
      this.element.replaceChildren(...parts);
      this.isAvailable = parts.length > 0;
      this.#handlers.loaded();
    } catch (error) {
      this.#handlers.failed(error);
    }
  }

  /** Returns `undefined` if the API has no such path, or if the token may not use it. */
  async #offered<T>(path: string): Promise<T | undefined> {
    try {
      return await this.#client.get<T>(path);
    } catch (error) {
      if (error instanceof RequestError && (error.status === 404 || error.status === 403)) {
        return undefined;
      }
      throw error;
    }
  }
}
