import { Client, type GetToken, RequestError } from "./client.ts";
import { english, type Labels } from "./labels.ts";
import { Settings } from "./settings.ts";
import { InboxStore } from "./store.ts";
import { InboxStream } from "./stream.ts";
import css from "./style.css?inline";
import { type Counts, FILTERS, type Filter, type Item } from "./types.ts";
import { titleOf, View } from "./view.ts";

/** How often the inbox is read while there is no stream, unless the attribute `poll-seconds` says otherwise. */
const POLL_SECONDS = 30;
const TICK_MS = 60_000;

/** Where the script came from: the API that serves it. A module does not know, and takes the page's own origin. */
const home = new URL((document.currentScript as HTMLScriptElement | null)?.src ?? "", document.baseURI)
  .origin;

/** A sheet of a script is no inline style: pages with `style-src 'none'` accept it. */
const sheet = new CSSStyleSheet();
sheet.replaceSync(css);

/**
 * `<tidings-inbox api="https://…">`: a bell with the number of unread notifications, which opens the inbox. docs/WIDGET.md
 * says what pages may set and listen to.
 */
export class TidingsInbox extends HTMLElement {
  static readonly observedAttributes = ["api", "inline"];

  readonly #root = this.attachShadow({ mode: "open" });
  #getToken: GetToken | undefined;
  #labels: Labels = english;
  #store: InboxStore | undefined;
  #stream: InboxStream | undefined;
  #isStreaming = false;
  #timers: ReturnType<typeof setInterval>[] = [];
  #view: View | undefined;
  #settings: Settings | undefined;
  #isRestarting = false;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [sheet];
  }

  /** Returns the user's token. Without it, the element asks for nothing. */
  get getToken(): GetToken | undefined {
    return this.#getToken;
  }

  set getToken(getToken: GetToken | undefined) {
    this.#getToken = getToken;
    this.#restartSoon();
  }

  /** Texts that replace those of the element. */
  get labels(): Partial<Labels> {
    return this.#labels;
  }

  set labels(labels: Partial<Labels>) {
    this.#labels = { ...english, ...labels };
    this.#restartSoon();
  }

  /** The number of unread notifications, once it is known. */
  get unread(): number | undefined {
    return this.#store?.counts?.unread;
  }

  connectedCallback() {
    // Properties that were set before the element was defined.
    for (const name of ["getToken", "labels"] as const) {
      if (Object.hasOwn(this, name)) {
        const value = this[name];
        delete this[name];
        Object.assign(this, { [name]: value });
      }
    }
    this.#restartSoon();
  }

  disconnectedCallback() {
    this.#stop();
  }

  attributeChangedCallback(_name: string, before: string | null, now: string | null) {
    if (before !== now) {
      this.#restartSoon();
    }
  }

  /** Loads everything again, and connects again. */
  refresh() {
    this.#restartSoon();
  }

  /** Opens the inbox. */
  open() {
    this.#view?.panel.showPopover?.();
  }

  /** Closes the inbox. */
  close() {
    this.#view?.panel.hidePopover?.();
  }

  #stop() {
    this.#stream?.stop();
    this.#store?.stop();
    this.#timers.forEach(clearInterval);
    document.removeEventListener("visibilitychange", this.#visible);
    this.#stream = undefined;
    this.#store = undefined;
    this.#timers = [];
    this.#isStreaming = false;
  }

  /** Several changes at once need one connection only. */
  #restartSoon() {
    if (!this.#isRestarting) {
      this.#isRestarting = true;
      queueMicrotask(() => {
        this.#isRestarting = false;
        this.#restart();
      });
    }
  }

  #restart() {
    this.#stop();
    if (!this.isConnected) {
      return;
    }
    const api = this.getAttribute("api");
    const base = api ? new URL(api, document.baseURI).href.replace(/\/$/, "") : home;
    const getToken: GetToken = (refused) => this.#getToken?.(refused);
    const client = new Client(base, getToken);
    const store = new InboxStore(client, {
      changed: () => this.#view?.render(),
      counted: (counts) => this.#counted(counts),
      arrived: (item) => this.#arrived(item),
      failed: (error) => this.#failed(error),
    });
    this.#store = store;
    const filter = this.getAttribute("filter") as Filter;
    store.filter = FILTERS.includes(filter) ? filter : "unread";
    this.#settings = new Settings(client, this.#labels, {
      loaded: () => this.#view?.render(),
      announce: (text) => this.#view?.announce(text),
      failed: (error) => this.#failed(error),
    });
    this.#view = new View({
      store,
      settings: this.#settings,
      labels: this.#labels,
      isInline: this.hasAttribute("inline"),
      opens: (item, link) => this.#opens(item, link),
      shown: () => this.#shown(),
    });
    this.#root.replaceChildren(...this.#view.nodes);
    if (!this.#getToken) {
      return;
    }
    if (this.hasAttribute("inline")) {
      store.isShown = true;
      this.#shown();
    }
    this.#connect(client, store);
  }

  /** Loads what only an open inbox shows. */
  #shown() {
    if (this.#getToken) {
      void this.#store?.reload();
      void this.#settings?.load();
    }
  }

  #connect(client: Client, store: InboxStore) {
    // Connected first and loaded then: nothing that arrives in between is missed.
    this.#stream = new InboxStream(client, {
      opened: () => {
        this.#isStreaming = true;
        this.#view?.status("");
        store.refresh();
      },
      closed: (error) => {
        if (this.#isStreaming || !store.counts) {
          this.#isStreaming = false;
          this.#poll();
        }
        if (error instanceof RequestError && error.status === 401) {
          this.#failed(error);
        }
      },
      event: (event) => store.apply(event),
    });
    const seconds = Math.max(1, Number(this.getAttribute("poll-seconds")) || POLL_SECONDS);
    this.#timers = [
      setInterval(() => this.#poll(), seconds * 1000),
      setInterval(() => this.#view?.tick(), TICK_MS),
    ];
    document.addEventListener("visibilitychange", this.#visible);
  }

  readonly #visible = () => this.#poll();

  /** Reads the inbox if there is no stream and somebody is looking. */
  #poll() {
    if (!this.#isStreaming && !document.hidden) {
      this.#store?.refresh();
    }
  }

  /** Asks the page whether the link of an item may be followed. */
  #opens(item: Item, link: string | undefined): boolean {
    const detail = { item, link };
    return this.dispatchEvent(new CustomEvent("tidings-open", { detail, cancelable: true }));
  }

  #counted(counts: Counts) {
    this.#view?.status("");
    this.#view?.render();
    this.dispatchEvent(new CustomEvent("tidings-counts", { detail: counts }));
  }

  #arrived(item: Item) {
    if (!item.quiet) {
      this.#view?.announce(this.#labels.arrived(titleOf(item, this.#labels)));
    }
    this.dispatchEvent(new CustomEvent("tidings-notification", { detail: item }));
  }

  #failed(error: unknown) {
    const isSignedOut = error instanceof RequestError && error.status === 401;
    const isOffline = !(error instanceof RequestError);
    const { signedOut, offline, failed } = this.#labels;
    this.#view?.status(isSignedOut ? signedOut : isOffline ? offline : failed);
    if (isSignedOut) {
      this.dispatchEvent(new CustomEvent("tidings-signed-out"));
    }
  }
}
