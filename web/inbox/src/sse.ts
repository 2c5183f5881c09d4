/** A parser of event streams (HTML standard, "Interpreting an event stream"). `EventSource` cannot send a token. */

export interface StreamEvent {
  type: string;
  data: string;
}

export class EventStreamParser {
  /** The `id` of the last event that had one. */
  lastEventId: string | undefined;
  /** How long to wait before the next connection, in milliseconds, as the server asks. */
  retry: number | undefined;
  #rest = "";
  #type = "";
  #data: string[] = [];
  #id: string | undefined;

  /** Takes the next piece of the stream and returns the events that it completes. */
  push(chunk: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    let text = this.#rest + chunk;
    // A line may end with CR LF, of which only the CR has arrived.
    this.#rest = text.endsWith("\r") ? "\r" : "";
    text = text.slice(0, text.length - this.#rest.length);
    const lines = text.split(/\r\n|\r|\n/);
    this.#rest = (lines.pop() ?? "") + this.#rest;
    for (const line of lines) {
      const event = line === "" ? this.#dispatch() : this.#field(line);
      if (event) {
        events.push(event);
      }
    }
    return events;
  }

  #field(line: string): undefined {
    const colon = line.indexOf(":");
    // A line that begins with a colon is a comment.
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "event") {
      this.#type = value;
    } else if (name === "data") {
      this.#data.push(value);
    } else if (name === "id" && !value.includes("\0")) {
      this.#id = value;
    } else if (name === "retry" && /^\d+$/.test(value)) {
      this.retry = Number(value);
    }
  }

  #dispatch(): StreamEvent | undefined {
    const event = { type: this.#type || "message", data: this.#data.join("\n") };
    const isEmpty = this.#data.length === 0;
    this.lastEventId = this.#id ?? this.lastEventId;
    this.#type = "";
    this.#data = [];
    this.#id = undefined;
    return isEmpty ? undefined : event;
  }
}
