/** A site of somebody else that embeds the element, with a strict policy, and with a proxy to the API that can fail. */

import { createServer, request as forward, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { apiUrl, embeddingOrigin } from "./environment.ts";

const SCRIPT = `
  const inbox = document.querySelector("tidings-inbox");
  const token = decodeURIComponent(location.hash.slice(1));
  window.refused = [];
  window.arrived = [];
  inbox.getToken = (refused) => {
    if (refused) window.refused.push(refused);
    return window.nextToken ?? token;
  };
  inbox.addEventListener("tidings-notification", (event) => window.arrived.push(event.detail.messageId));
`;

const THEME = `
  :root { color-scheme: light dark; }
  body { margin: 0; font-family: sans-serif; background: light-dark(#fff, #101418); color: light-dark(#111, #eee); }
  body > header { display: flex; justify-content: space-between; align-items: center; padding: 12px 24px;
    overflow: hidden; border-bottom: 1px solid light-dark(#ddd, #333); }
  main { padding: 24px; }
  tidings-inbox { --tidings-accent: rgb(0, 110, 80); --tidings-radius: 4px; }
  tidings-inbox::part(badge) { background: rgb(0, 0, 120); color: rgb(255, 255, 255); }
`;

export class EmbeddingSite {
  /** The host and port at which the site listens. */
  readonly address: string;
  /** The values of `Last-Event-ID` in the requests for streams; `undefined` without one. */
  readonly lastEventIds: (string | undefined)[] = [];
  /** How many streams the API has begun to answer. */
  streamsOpened = 0;
  /** Whether the proxy refuses streams. */
  refusesStreams = false;
  readonly #server: ReturnType<typeof createServer>;
  readonly #streams = new Set<Socket>();

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => this.#answer(request, response));
  }

  static async start(): Promise<EmbeddingSite> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new EmbeddingSite(server);
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Cuts the streams that run through the proxy. Returns how many there were. */
  cutStreams(): number {
    const count = this.#streams.size;
    for (const stream of this.#streams) {
      stream.destroy();
    }
    return count;
  }

  /** The address of the page for a user's token. */
  page(token: string, options: { proxied?: boolean; themed?: boolean; attributes?: string } = {}): string {
    const query = new URLSearchParams({ attributes: options.attributes ?? "" });
    for (const name of ["proxied", "themed"] as const) {
      if (options[name]) {
        query.set(name, "1");
      }
    }
    return `${embeddingOrigin}/?${query}#${encodeURIComponent(token)}`;
  }

  #answer(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? "/", embeddingOrigin);
    if (url.pathname.startsWith("/proxied/")) {
      this.#forward(request, response, url);
    } else if (url.pathname === "/site.js") {
      response.setHeader("Content-Type", "text/javascript").end(SCRIPT);
    } else if (url.pathname === "/theme.css") {
      response.setHeader("Content-Type", "text/css").end(THEME);
    } else {
      this.#page(response, url.searchParams);
    }
  }

  #page(response: ServerResponse, query: URLSearchParams) {
    const isThemed = query.has("themed");
    const api = query.has("proxied") ? "/proxied" : apiUrl;
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.setHeader(
      "Content-Security-Policy",
      `default-src 'none'; script-src 'self' ${apiUrl}; connect-src 'self' ${apiUrl}; img-src data:; ` +
        `style-src ${isThemed ? "'self'" : "'none'"}; base-uri 'none'; form-action 'none'; ` +
        "require-trusted-types-for 'script'; trusted-types 'none'",
    );
    response.end(
      `<!doctype html><html lang="en"><head><title>A shop</title><link rel="icon" href="data:,">` +
        `<meta name="viewport" content="width=device-width, initial-scale=1">` +
        `${isThemed ? `<link rel="stylesheet" href="/theme.css">` : ""}</head><body>` +
        `<header><h1>A shop</h1><tidings-inbox api="${api}" ${query.get("attributes")}></tidings-inbox></header>` +
        `<main><p>Everything that you need.</p><button type="button">Buy</button></main>` +
        `<script src="${api}/inbox.js"></script><script src="/site.js"></script></body></html>`,
    );
  }

  #forward(request: IncomingMessage, response: ServerResponse, url: URL) {
    const path = url.pathname.slice("/proxied".length);
    const isStream = path === "/api/inbox/stream";
    if (isStream) {
      const id = request.headers["last-event-id"];
      this.lastEventIds.push(Array.isArray(id) ? id[0] : id);
      if (this.refusesStreams) {
        request.socket.destroy();
        return;
      }
      this.#streams.add(request.socket);
      request.socket.on("close", () => this.#streams.delete(request.socket));
    }
    const { host: _host, ...headers } = request.headers;
    const upstream = forward(apiUrl + path + url.search, { method: request.method, headers }, (answer) => {
      this.streamsOpened += isStream ? 1 : 0;
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    });
    upstream.on("error", () => response.destroy());
    response.on("close", () => upstream.destroy());
    request.pipe(upstream);
  }
}
