import { subprotocol } from '@lockstep/client/protocol';
import { type RunningMember, runMember } from '@lockstep/server';
import { type RawConfig, resolveConfig } from '@lockstep/server/config';
import { WebSocket } from 'ws';
import { WireClient } from './doors.ts';
import { type ReadFamily, readMetrics } from './metrics-text.ts';
import { freePorts, http, temporaryDirectory } from './processes.ts';

export type Page = ReadonlyMap<string, ReadFamily>;

/** What the member at `address` says of itself. */
export async function scrape(address: string): Promise<Page> {
  return readMetrics((await http(address, '/metrics')).body);
}

/** The sum of a metric's samples that have the labels; of a histogram, how many values it has. */
export function amountOf(page: Page, name: string, labels: Record<string, string> = {}): number {
  const family = page.get(name);
  const sample = family?.type === 'histogram' ? `${name}_count` : name;
  return (family?.samples ?? [])
    .filter((one) => one.name === sample)
    .filter((one) => Object.entries(labels).every(([label, text]) => one.labels[label] === text))
    .reduce((sum, { value }) => sum + value, 0);
}

/** A real member in this process, on ports that the system chose. */
export class MeasuredMember {
  readonly config: RawConfig;
  #running: RunningMember | undefined;
  #address = '';
  readonly #sockets: WebSocket[] = [];

  constructor(config: RawConfig) {
    this.config = config;
  }

  get address(): string {
    return this.#address;
  }

  async start(): Promise<void> {
    this.#running = await runMember(resolveConfig(this.config));
    this.#address = this.#running.clientAddress;
  }

  async stop(): Promise<void> {
    // A client that reads nothing would hold up the stop.
    for (const socket of this.#sockets.splice(0)) socket.terminate();
    await this.#running?.stop();
    this.#running = undefined;
  }

  /** @throws Error when it is refused. */
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into whatever came.
  async call(method: string, params: object): Promise<any> {
    const { status, body } = await this.#post(method, params);
    if (status !== 200) throw new Error(`${method}: ${body}`);
    return JSON.parse(body);
  }

  /** The code of the error. @throws Error when it is not refused. */
  async refusal(method: string, params: object): Promise<string> {
    const { status, body } = await this.#post(method, params);
    if (status === 200) throw new Error(`${method} was not refused`);
    return JSON.parse(body).error.data.code;
  }

  #post(method: string, params: object) {
    const body = JSON.stringify(params);
    return http(this.address, `/v1/${method}`, { method: 'POST', body });
  }

  put(key: string, value: string): Promise<unknown> {
    return this.call('kv.put', { key, value });
  }

  scrape(): Promise<Page> {
    return scrape(this.address);
  }

  async connect(): Promise<WireClient> {
    const socket = new WebSocket(`ws://${this.address}/v1/ws`, [subprotocol], {
      perMessageDeflate: false,
    });
    this.#sockets.push(socket);
    const client = new WireClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    return client;
  }

  /** Scrapes until it holds. @throws Error when it does not within `patienceMs`. */
  async until(holds: (page: Page) => boolean, what: string): Promise<Page> {
    const since = performance.now();
    for (;;) {
      const page = await this.scrape();
      if (holds(page)) return page;
      if (performance.now() - since > patienceMs) throw new Error(`never happened: ${what}`);
    }
  }
}

const patienceMs = 15_000;

/** Small and quick, so that what takes hours elsewhere happens here at once. */
const quick: RawConfig = {
  logLevel: 'silent',
  heartbeatMs: 20,
  electionMs: 200,
  hashCheckMs: 1_000,
  walSegmentBytes: 256 * 1024,
  snapshotBytesMin: 64 * 1024,
  logEntriesKept: 10,
  logBytesKept: 64 * 1024,
  autoCompactionMode: 'off',
  uncommittedBytesMax: 2 * 1024 * 1024,
};

export function oneMember(config: RawConfig = {}): MeasuredMember {
  const listen = '127.0.0.1:0';
  return new MeasuredMember({
    ...quick,
    ...{ dataDir: temporaryDirectory(), listen, peerListen: listen },
    ...config,
  });
}

export async function threeMembers(): Promise<MeasuredMember[]> {
  const names = ['a', 'b', 'c'];
  const ports = await freePorts(3);
  const initialCluster = names.map((name, at) => `${name}=127.0.0.1:${ports[at]}`).join();
  return names.map((name, at) =>
    oneMember({ name, peerListen: `127.0.0.1:${ports[at]}`, initialCluster }),
  );
}
