/** The live connection: reads `GET /api/inbox/stream`, and connects again when it ends. */

import { type Client, RequestError } from "./client.ts";
import { pauseBefore } from "./pause.ts";
import { EventStreamParser, type StreamEvent } from "./sse.ts";

export interface StreamHandlers {
  /** The stream is open. What has changed while it was not is unknown, except for what the events tell. */
  opened(): void;
  /** The stream has ended, or could not be opened. */
  closed(error: unknown): void;
  event(event: StreamEvent): void;
}

/** The API sends a comment every 15 s. A stream without one for so long is dead. */
const SILENCE_MS = 45_000;
/** How long to wait until the API says so itself. */
const RETRY_MS = 2000;

export class InboxStream {
  readonly #client: Client;
  readonly #handlers: StreamHandlers;
  readonly #stop = new AbortController();
  #parser = new EventStreamParser();
  #lastEventId: string | undefined;
  #wake = () => {};

  constructor(client: Client, handlers: StreamHandlers) {
    this.#client = client;
    this.#handlers = handlers;
    addEventListener("online", this.#online);
    void this.#run();
  }

  stop() {
    this.#stop.abort();
    removeEventListener("online", this.#online);
    this.#wake();
  }

  readonly #online = () => this.#wake();

  async #run() {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      let error: unknown;
      let hadData = false;
      try {
        hadData = await this.#read();
      } catch (caught) {
        error = caught;
      }
      if (this.#stop.signal.aborted) {
        return;
      }
      failures = hadData ? 0 : failures + 1;
      this.#handlers.closed(error);
      if (error instanceof RequestError && error.status === 401) {
        return;
      }
      const refusal = error instanceof RequestError ? error : undefined;
      await this.#pause(pauseBefore(failures, this.#parser.retry ?? RETRY_MS, refusal, Math.random()));
    }
  }

  /** Reads one connection to its end. Returns whether it had any data. */
  async #read(): Promise<boolean> {
    const connection = new AbortController();
    const end = () => connection.abort();
    this.#stop.signal.addEventListener("abort", end);
    let watchdog = setTimeout(end, SILENCE_MS);
    let hadData = false;
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (this.#lastEventId !== undefined) {
        headers["Last-Event-ID"] = this.#lastEventId;
      }
      const response = await this.#client.send("/api/inbox/stream", { headers, signal: connection.signal });
      if (!response.body || !response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
        throw new RequestError(404, "This is not a stream");
      }
      const { retry, lastEventId } = this.#parser;
      this.#parser = Object.assign(new EventStreamParser(), { retry, lastEventId });
      this.#handlers.opened();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) {
          return hadData;
        }
        hadData = true;
        clearTimeout(watchdog);
        watchdog = setTimeout(end, SILENCE_MS);
        for (const event of this.#parser.push(value)) {
          this.#handlers.event(event);
        }
        this.#lastEventId = this.#parser.lastEventId;
      }
    } catch (error) {
      if (hadData) {
        return true;
      }
      if (error instanceof RequestError && (error.status === 400 || error.status === 409)) {
        // The API knows no such position.
        this.#lastEventId = undefined;
        this.#parser.lastEventId = undefined;
      }
      throw error;
    } finally {
      clearTimeout(watchdog);
      this.#stop.signal.removeEventListener("abort", end);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
