import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface AppFacts {
  readonly name: string;
  readonly version: string;
  readonly bootId: string;
  /** This version does not get along with this host: it answers nothing but errors. */
  readonly isBroken: boolean;
}

/** What the proxy writes into each request, so that the app can tell it from the host's own check. */
export const viaHeader = 'via';
export const readyPath = '/ready';

/** The proxy asks again only when it has taken in the last answer, so by the second one it knows. */
const toldMin = 2;
const drainMsMax = 15_000;
const lookMs = 25;

/**
 * The service that a host runs. It answers `/ready` with 503 while it is drained or does not work, and the proxy
 * sends requests only to who is ready.
 */
export class App {
  readonly #facts: AppFacts;
  readonly #server: Server;
  #isDrained = false;
  #told = 0;
  #connections = 0;
  #served = 0;

  constructor(facts: AppFacts) {
    this.#facts = facts;
    this.#server = createServer((request, response) => this.#handle(request, response));
    this.#server.on('connection', (socket) => {
      this.#connections++;
      socket.once('close', () => {
        this.#connections--;
      });
    });
  }

  /** @returns the port of 127.0.0.1 on which it listens. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', () => {
        // It listens on a TCP port, so this is its shape.
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** How many requests came through the proxy since it started, or was last taken out. */
  get served(): number {
    return this.#served;
  }

  /**
   * Says that it is not ready, and waits until the proxy has heard that, and until all that was sent before is
   * answered. @returns false when that takes too long.
   */
  async drain(signal: AbortSignal): Promise<boolean> {
    this.#isDrained = true;
    this.#told = 0;
    const giveUpAt = performance.now() + drainMsMax;
    while (!this.#isIdle() && !signal.aborted) {
      if (performance.now() > giveUpAt) return false;
      await sleep(lookMs);
    }
    this.#served = 0;
    return true;
  }

  undrain(): void {
    this.#isDrained = false;
  }

  /** Each request has a connection of its own, which is there before the request is. */
  #isIdle(): boolean {
    return this.#told >= toldMin && this.#connections === 0;
  }

  #handle({ url, headers }: IncomingMessage, response: ServerResponse): void {
    if (url === readyPath) {
      const isReady = !this.#isDrained && !this.#facts.isBroken;
      if (this.#isDrained) this.#told++;
      response.writeHead(isReady ? 200 : 503).end();
      return;
    }
    const isFromProxy = headers[viaHeader] !== undefined;
    setTimeout(() => {
      const { name, version, bootId, isBroken } = this.#facts;
      if (isFromProxy && !isBroken) this.#served++;
      const body = isBroken
        ? { error: `version ${version} does not work on ${name}` }
        : { name, version, pid: process.pid, bootId };
      response
        .writeHead(isBroken ? 500 : 200, { 'content-type': 'application/json' })
        .end(`${JSON.stringify(body)}\n`);
    }, answerMs());
  }
}

/** A few milliseconds of work. */
function answerMs(): number {
  return 3 + 7 * Math.random();
}
