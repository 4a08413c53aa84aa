import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { readyPath, viaHeader } from './app.ts';
import { get } from './http-get.ts';
import { Outages } from './outages.ts';
import { goodAnswersMin, healthEveryMs, healthMsMax } from './plan.ts';

interface Backend {
  /** Where it serves, once it does. */
  port: number | undefined;
  goodAnswers: number;
  isIn: boolean;
}

/**
 * Sends requests to the hosts of one group, in turn, and counts them. It learns who is ready by asking all the time,
 * as load balancers do. It tries nothing twice: a request that a host does not answer has failed.
 */
export class GroupProxy {
  readonly name: string;
  /** Hosts that it sends nothing. */
  readonly outages = new Outages(() => performance.now());
  served = 0;
  failed = 0;
  /** Why the last one failed. */
  lastFailure = '';
  readonly #backends: ReadonlyMap<string, Backend>;
  readonly #stop = new AbortController();
  readonly #server = createServer((call, answer) => this.#forward(call, answer));
  readonly #asking: Promise<unknown>;
  #turn = 0;

  constructor(name: string, hosts: readonly string[]) {
    this.name = name;
    this.#backends = new Map(
      hosts.map((host) => [host, { port: undefined, goodAnswers: 0, isIn: false }]),
    );
    this.#asking = Promise.all([...this.#backends].map(([host, one]) => this.#ask(host, one)));
  }

  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', () => {
        // It listens on a TCP port, so this is its shape.
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#server.closeAllConnections();
    this.#server.close();
    await this.#asking;
  }

  /** Where that host serves now, as an address book would say. It is sent requests when it says that it is ready. */
  serves(host: string, port: number): void {
    const backend = this.#backends.get(host);
    if (backend !== undefined) backend.port = port;
  }

  isIn(host: string): boolean {
    return this.#backends.get(host)?.isIn === true;
  }

  get areAllIn(): boolean {
    return [...this.#backends.values()].every(({ isIn }) => isIn);
  }

  /** Counts from the beginning. */
  reset(): void {
    this.served = 0;
    this.failed = 0;
    this.lastFailure = '';
    this.outages.reset();
  }

  async #ask(host: string, backend: Backend): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const isGood = backend.port !== undefined && (await isReady(backend.port, signal));
      backend.goodAnswers = isGood ? backend.goodAnswers + 1 : 0;
      backend.isIn = isGood && (backend.isIn || backend.goodAnswers >= goodAnswersMin);
      this.outages.set(host, !backend.isIn);
      await sleep(healthEveryMs, undefined, { signal }).catch(() => {});
    }
  }

  #forward(call: IncomingMessage, answer: ServerResponse): void {
    let failure = 'who asked hung up';
    const fail = (status: number, why: string): void => {
      failure = why;
      if (answer.headersSent) answer.destroy();
      else answer.writeHead(status).end(`${why}\n`);
    };
    answer.once('close', () => {
      if (answer.writableFinished && answer.statusCode < 500) {
        this.served++;
        return;
      }
      this.failed++;
      this.lastFailure = failure;
    });
    const backend = this.#next();
    if (backend === undefined) return fail(503, `no host of ${this.name} is ready`);
    const { method, url: path, headers } = call;
    const onward = request({
      ...{ host: '127.0.0.1', port: backend.port, method, path, agent: false },
      headers: { ...headers, connection: 'close', [viaHeader]: `1.1 ${this.name}` },
    });
    onward.once('error', (error) => fail(502, error.message));
    onward.once('response', (response) => {
      const { statusCode = 502 } = response;
      if (statusCode >= 500) failure = `a host of ${this.name} answered ${statusCode}`;
      response.once('error', (error) => fail(502, error.message));
      response.pipe(answer.writeHead(statusCode, response.headers));
    });
    call.pipe(onward);
  }

  #next(): Backend | undefined {
    const ready = [...this.#backends.values()].filter(({ isIn }) => isIn);
    return ready[this.#turn++ % ready.length];
  }
}

async function isReady(port: number, signal: AbortSignal): Promise<boolean> {
  try {
    return (await get(port, readyPath, healthMsMax, signal)).status === 200;
  } catch {
    return false;
  }
}
