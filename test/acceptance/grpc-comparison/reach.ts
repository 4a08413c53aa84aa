import { describeRequest, type Json, type RawWatchRequest } from './messages.ts';
import { field } from './normalise.ts';
import type { Planned } from './raw-generator.ts';
import type { Outcome } from './raw-store.ts';
import type { RawWatchStream } from './raw-watch-stream.ts';
import { scenes } from './scenes.ts';

/** What the requests and etcd's answers were, counted. */
export class RawReach {
  readonly #counts = new Map<string, number>();

  count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  call({ raw, scene }: Planned, { code, message }: Outcome): void {
    if (raw.kind !== 'call') return;
    this.count(`call ${raw.method.name}`);
    if (scene !== undefined) this.count(`scene ${scene}`);
    if (code !== 0) this.count(`error ${raw.method.name}: ${code} ${message}`);
    const text = describeRequest(raw);
    if (/"-\d/.test(text)) this.count(`negative numbers in ${raw.method.name}`);
    if (/"9223372036854775807"/.test(text)) this.count(`the largest number in ${raw.method.name}`);
  }

  created(raw: RawWatchRequest, how: 'open' | 'refused' | 'too late'): void {
    const union = raw.request.requestUnion;
    if (union?.case !== 'createRequest') return;
    this.count(`watch: create that is ${how}`);
    const id = BigInt(union.value.watchId ?? 0n);
    this.count(`watch: id chosen by the ${id === 0n ? 'server' : 'client'}`);
    if (union.value.fragment === true) this.count('watch: create with fragment');
  }

  stream({ logs }: RawWatchStream): void {
    for (const log of logs.values()) {
      for (const entry of log) {
        if ('events' in entry) for (const event of entry.events) this.#event(event);
      }
    }
  }

  #event(event: Json): void {
    const type = field(event, 'type') === 'DELETE' ? 'a delete' : 'a put';
    const before = field(event, 'prevKv') === undefined ? '' : ' with the pair before';
    this.count(`watch: event of ${type}${before}`);
  }

  /** What a comparison must have met to be worth something, and did not. */
  get missing(): readonly string[] {
    return required.filter((name) => !this.#counts.has(name));
  }

  table(): string {
    const rows = [...this.#counts].sort(([one], [other]) => (one < other ? -1 : 1));
    return rows.map(([name, count]) => `${`${count}`.padStart(7)}  ${name}`).join('\n');
  }
}

const required: readonly string[] = [
  ...['Range', 'Put', 'DeleteRange', 'Txn', 'Compact'].map((name) => `call ${name}`),
  ...['Grant', 'Revoke', 'KeepAlive', 'TimeToLive', 'Leases'].map((name) => `call Lease${name}`),
  ...['Lock', 'Unlock', 'Campaign', 'Leader', 'Proclaim', 'Resign', 'Alarm'].map(
    (name) => `call ${name}`,
  ),
  ...Object.keys(scenes)
    .filter((name) => !name.startsWith('orders and targets'))
    .map((name) => `scene ${name}`),
  ...['Range', 'Compact', 'Txn', 'Put', 'LeaseKeepAlive'].flatMap((name) => [
    `negative numbers in ${name}`,
    `the largest number in ${name}`,
  ]),
  ...['open', 'refused', 'too late'].map((how) => `watch: create that is ${how}`),
  ...['server', 'client'].map((who) => `watch: id chosen by the ${who}`),
  ...['no watch', 'a watch'].map((what) => `watch: cancel of ${what}`),
  ...['progress request', 'request of no kind', 'create with fragment'].map(
    (what) => `watch: ${what}`,
  ),
  ...['a put', 'a delete'].flatMap((type) => [
    `watch: event of ${type}`,
    `watch: event of ${type} with the pair before`,
  ]),
];
