import { type EtcdWatchMessage, etcdWatch, neutralEvent, revisionOf } from './etcd-wire.ts';
import type { JsonDoor } from './json-door.ts';
import type { SeenEvent, SeenRevision, Watch, WatchLog } from './model.ts';

const patienceMs = 10_000;

/** One watch of etcd: an HTTP answer that does not end, with a JSON object on each line. */
export class EtcdWatch implements WatchLog {
  readonly revisions: SeenRevision[] = [];
  readonly faults: string[] = [];
  readonly #request: Watch;
  readonly #stop: () => void;
  #first: EtcdWatchMessage | undefined;
  #last: EtcdWatchMessage | undefined;
  /** Everything up to this revision has come. */
  #complete = 0;
  #cutAfter = Number.POSITIVE_INFINITY;
  #stopped = false;
  #looks: (() => void)[] = [];

  constructor(door: JsonDoor, request: Watch) {
    this.#request = request;
    this.#stop = door.stream(
      '/v3/watch',
      etcdWatch(request),
      (line) => this.#take(line),
      () => {
        if (!this.#stopped) this.faults.push('etcd closed the stream of the watch');
        this.#look();
      },
    );
  }

  #take(line: string): void {
    const { result, error }: { result?: EtcdWatchMessage; error?: unknown } = JSON.parse(line);
    if (result === undefined) this.faults.push(`etcd: ${JSON.stringify(error)}`);
    else {
      this.#first ??= result;
      if (result.canceled === true) this.#last = result;
      else this.#complete = Math.max(this.#complete, this.#deliver(result));
    }
    this.#look();
  }

  /** @returns the revision up to which everything has come now. */
  #deliver(message: EtcdWatchMessage): number {
    const events = (message.events ?? []).map(neutralEvent);
    let group: SeenEvent[] = [];
    for (const event of events) {
      const { modRevision: revision } = event.kv;
      if (group[0]?.kv.modRevision !== revision) {
        group = [];
        if (revision <= this.#cutAfter) this.revisions.push({ revision, events: group });
      }
      group.push(event);
    }
    const newest = events.at(-1);
    if (newest !== undefined) return newest.kv.modRevision;
    return message.created === true ? 0 : revisionOf(message);
  }

  #look(): void {
    for (const look of this.#looks.splice(0)) look();
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    const giveUp = setTimeout(() => {
      this.faults.push(`etcd: not within ${patienceMs / 1000} s: ${what}`);
      this.#look();
    }, patienceMs);
    while (!holds() && this.faults.length === 0) {
      await new Promise<void>((resolve) => this.#looks.push(resolve));
    }
    clearTimeout(giveUp);
  }

  /** The answer to the creation. */
  async created(): Promise<EtcdWatchMessage> {
    await this.#until('the watch is created', () => this.#first !== undefined);
    return this.#first ?? {};
  }

  /** The message that ended it. */
  async canceled(): Promise<EtcdWatchMessage> {
    await this.#until('the watch is canceled', () => this.#last !== undefined);
    return this.#last ?? {};
  }

  async settled(revision: number): Promise<void> {
    if (this.#stopped) return;
    const what = `watch ${this.#request.watch} is told everything up to ${revision}`;
    await this.#until(what, () => this.#complete >= revision || this.#last !== undefined);
    if (this.#last !== undefined) this.faults.push(`ended: ${JSON.stringify(this.#last)}`);
    if (revision >= this.#cutAfter) this.stop();
  }

  /** Keeps nothing that happens after `revision`; what happened before may still be on its way. */
  cut(revision: number): void {
    this.#cutAfter = revision;
  }

  stop(): void {
    this.#stopped = true;
    this.#stop();
  }
}
