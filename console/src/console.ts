import { Client, type ConnectionStatus } from '@lockstep/client';
import type { ByteString } from '@lockstep/client/protocol';
import { ClusterBoard } from './cluster-board.ts';
import { FleetBoard } from './fleet-board.ts';
import { KeyFeed } from './key-feed.ts';
import { LeaseBoard } from './lease-board.ts';
import { NewKey } from './new-key.ts';
import { OpenKey } from './open-key.ts';
import { pause } from './pause.ts';

export const views = ['keys', 'events', 'leases', 'fleet', 'members'] as const;
export type View = (typeof views)[number];

const pollMs = 2_000;
/** Between frames of what goes by: the countdown of leases, the time that a host is in its state. */
const tickMs = 1_000;

/** All that the page shows; `changed` is called whenever something of it does. */
export class Console {
  readonly client: Client;
  readonly feed: KeyFeed;
  readonly leases: LeaseBoard;
  readonly cluster: ClusterBoard;
  readonly fleet: FleetBoard;
  /** The row of the list that arrow keys move from. */
  activeKey: ByteString | undefined;
  #view: View = 'keys';
  #open: OpenKey | undefined;
  #creating: NewKey | undefined;
  #lostAt: Date | undefined;
  #wasConnected = false;
  readonly #changed: () => void;
  #wake: () => void = () => {};

  /** @param endpoint the origin of the member that served the page, and the only one it speaks to. */
  constructor(endpoint: string, changed: () => void) {
    this.client = new Client({ endpoints: endpoint, learnEndpoints: false });
    this.#changed = changed;
    this.feed = new KeyFeed(this.client, changed);
    this.leases = new LeaseBoard(this.client, changed);
    this.cluster = new ClusterBoard(this.client, changed);
    this.fleet = new FleetBoard(this.client, this.cluster, () => {
      if (this.#view === 'fleet') changed();
    });
  }

  get connection(): ConnectionStatus {
    return this.client.connection;
  }

  get isConnected(): boolean {
    return this.connection.state === 'connected';
  }

  /** Since when there is no connection, if there was one. */
  get lostAt(): Date | undefined {
    return this.#lostAt;
  }

  get view(): View {
    return this.#view;
  }

  get open(): OpenKey | undefined {
    return this.#open;
  }

  get creating(): NewKey | undefined {
    return this.#creating;
  }

  start(): void {
    this.feed.follow('');
    this.#followConnection().catch(() => {});
    this.#poll().catch(() => {});
    setInterval(() => {
      if (this.#view === 'leases') this.#changed();
      if (this.#view === 'fleet' && !document.hidden) this.fleet.refresh();
    }, tickMs);
  }

  show(view: View): void {
    this.#view = view;
    if (view === 'fleet') this.fleet.open();
    this.#wake();
    this.#changed();
  }

  /** Opens a key, unless another one has a draft that is not saved. */
  openKey(key: ByteString): void {
    location.hash = '#keys';
    this.#view = 'keys';
    if (this.#open?.key !== key && this.#open?.isDirty) {
      this.#open.remind();
      return;
    }
    this.activeKey = key;
    this.#creating = undefined;
    if (this.#open?.key !== key) {
      this.#open?.close();
      this.#open = new OpenKey(this.client, key, this.#changed);
    }
    this.#changed();
  }

  redraw(): void {
    this.#changed();
  }

  /** Back to the list, unless there is a draft that is not saved. */
  closeKey(): void {
    if (this.#open?.isDirty) {
      this.#open.remind();
      return;
    }
    this.#open?.close();
    this.#open = undefined;
    this.#creating = undefined;
    this.#changed();
  }

  create(): void {
    this.closeKey();
    if (this.#open !== undefined) return;
    this.#creating = new NewKey(this.client, this.feed.prefix, this.#changed);
    this.#changed();
  }

  async #followConnection(): Promise<void> {
    for await (const { state } of this.client.connections()) {
      if (state === 'connected') {
        this.#wasConnected = true;
        this.#lostAt = undefined;
        this.#wake();
      } else if (this.#wasConnected) this.#lostAt ??= new Date();
      this.#changed();
    }
  }

  /** What no watch tells: status and members always, leases while they are looked at. */
  async #poll(): Promise<void> {
    for (;;) {
      if (!document.hidden) {
        await this.cluster.refresh();
        if (this.#view === 'leases') await this.leases.refresh();
      }
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await pause(pollMs, woken.signal);
    }
  }
}
