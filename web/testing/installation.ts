/** An installation of one test: a database, a virtual host, an API and its workers. */

import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import {
  adminDatabaseUrl,
  binFolder,
  jwtSecret,
  managementUrl,
  rabbitmqUrl,
  secretsKey,
  toolPath,
} from "./environment.ts";
import { execute } from "./tool.ts";

type Settings = Record<string, string>;

/** How long a program may take to start on a busy machine. */
const START_MS = 60_000;

/** A running program. */
export class Program {
  readonly #child: ChildProcess;
  /** The last lines of the log, for the error of a test. */
  readonly #lines: string[];
  readonly port: number;

  private constructor(child: ChildProcess, lines: string[], port: number) {
    this.#child = child;
    this.#lines = lines;
    this.port = port;
  }

  /** Starts a program on a free port, and waits until it is ready. */
  static async start(name: "tidings-api" | "tidings-worker", settings: Settings): Promise<Program> {
    const port = name === "tidings-api" ? "API_PORT" : "WORKER_PORT";
    const child = spawn(`${binFolder}/${name}`, {
      cwd: tmpdir(),
      env: { [port]: "0", ...settings },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines: string[] = [];
    const listening = await new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", () => reject(new Error(`${name} has ended:\n${lines.join("\n")}`)));
      createInterface({ input: child.stdout }).on("line", (line) => {
        lines.push(line);
        lines.splice(0, lines.length - 60);
        const entry = JSON.parse(line) as { message?: string; port?: number };
        if (entry.message === "listening" && entry.port) {
          resolve(entry.port);
        }
      });
    });
    const program = new Program(child, lines, listening);
    await program.#untilReady(name);
    return program;
  }

  async #untilReady(name: string) {
    const until = Date.now() + START_MS;
    while (Date.now() < until) {
      const response = await fetch(`http://127.0.0.1:${this.port}/ready`);
      await response.arrayBuffer();
      if (response.ok) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail(`${name} is not ready:\n${this.#lines.join("\n")}`);
  }

  /** Ends the program at once, as `kill -9` does. */
  async kill() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, "exit");
      this.#child.kill("SIGKILL");
      await ended;
    }
  }
}

export class Installation {
  readonly databaseUrl: string;
  readonly #name: string;
  readonly #settings: Settings;
  readonly #programs: Program[] = [];

  private constructor(name: string, settings: Settings) {
    this.#name = name;
    this.databaseUrl = withPath(adminDatabaseUrl, databaseName(name));
    this.#settings = {
      APP_ENV: "development",
      LOG_LEVEL: "info",
      JWT_SECRET: jwtSecret,
      SECRETS_KEY: secretsKey,
      DATABASE_URL: this.databaseUrl,
      RABBITMQ_URL: withPath(rabbitmqUrl, vhostName(name)),
      GRPC_PORT: "0",
      // Fewer rungs mean fewer queues to declare.
      WEBHOOK_MAX_RETRIES: "3",
      ...settings,
    };
  }

  /** Creates the database and the virtual host. */
  static async create(settings: Settings): Promise<Installation> {
    // `./dev` deletes what has such a name, if a test was killed.
    const name = randomUUID().replaceAll("-", "");
    await execute(adminDatabaseUrl, `CREATE DATABASE ${databaseName(name)}`);
    await management("PUT", `vhosts/${vhostName(name)}`);
    const user = new URL(rabbitmqUrl).username;
    const all = { configure: ".*", write: ".*", read: ".*" };
    await management("PUT", `permissions/${vhostName(name)}/${user}`, all);
    const installation = new Installation(name, settings);
    await promisify(execFile)(toolPath, ["migrate"], { env: { DATABASE_URL: installation.databaseUrl } });
    return installation;
  }

  async start(name: "tidings-api" | "tidings-worker", settings: Settings = {}): Promise<Program> {
    const program = await Program.start(name, { ...this.#settings, ...settings });
    this.#programs.push(program);
    return program;
  }

  /** Ends the programs, and deletes the database and the virtual host. */
  async delete() {
    await Promise.all(this.#programs.map((program) => program.kill()));
    await management("DELETE", `vhosts/${vhostName(this.#name)}`);
    await execute(adminDatabaseUrl, `DROP DATABASE ${databaseName(this.#name)} WITH (FORCE)`);
  }
}

const databaseName = (name: string) => `tidings_test_${name}`;
const vhostName = (name: string) => `tidings-test-${name}`;

function withPath(url: string, path: string): string {
  const changed = new URL(url);
  changed.pathname = `/${path}`;
  return changed.href;
}

/** Sends a request to RabbitMQ's management plugin. */
async function management(method: string, path: string, body: object = {}) {
  const url = new URL(managementUrl);
  const login = Buffer.from(`${url.username}:${url.password}`).toString("base64");
  const response = await fetch(`${url.origin}/api/${path}`, {
    method,
    headers: { Authorization: `Basic ${login}`, "Content-Type": "application/json" },
    ...(method === "DELETE" ? {} : { body: JSON.stringify(body) }),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.text()}`);
}

/** A mail server that accepts every message, or none while it is away. It keeps its port. */
export class MailServer {
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  /** Messages that it has accepted. */
  accepted = 0;
  #isAway = false;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => this.#serve(socket));
  }

  static async start(): Promise<MailServer> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new MailServer(server);
  }

  get port(): number {
    const address = this.#server.address();
    assert.ok(address && typeof address === "object");
    return address.port;
  }

  set isAway(isAway: boolean) {
    this.#isAway = isAway;
    if (isAway) {
      this.#cut();
    }
  }

  async stop() {
    this.#cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #cut() {
    for (const connection of this.#connections) {
      connection.destroy();
    }
  }

  #serve(socket: Socket) {
    socket.on("error", () => socket.destroy());
    if (this.#isAway) {
      socket.destroy();
      return;
    }
    this.#connections.add(socket);
    socket.on("close", () => this.#connections.delete(socket));
    let isMessage = false;
    socket.write("220 mail.example.com\r\n");
    createInterface({ input: socket }).on("line", (line) => {
      if (isMessage && line !== ".") {
        return;
      }
      if (isMessage) {
        isMessage = false;
        this.accepted += 1;
        socket.write("250 accepted\r\n");
      } else if (/^DATA/i.test(line)) {
        isMessage = true;
        socket.write("354 go on\r\n");
      } else if (/^QUIT/i.test(line)) {
        socket.end("221 bye\r\n");
      } else {
        socket.write("250 mail.example.com\r\n");
      }
    });
  }
}
