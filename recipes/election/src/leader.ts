import type { Entry, KeyValue, Space } from '@lockstep/client';
import type { Candidate } from './candidate.ts';

/** Who leads, as the store had it at one moment. */
export class Leader<Value = string> {
  readonly key: string;
  /** The fencing token of its term. */
  readonly token: number;
  readonly lease: string;
  /** Empty for a leader of another program. */
  readonly identity: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly priority: number;
  /** Since when it leads, by its own wall clock; undefined for a leader of another program. */
  readonly since: Date | undefined;
  readonly #kv: KeyValue;
  readonly #entry: Entry<Value>;

  /** Made by `election.leader` and `election.observe`. */
  constructor({ kv, record }: Candidate, space: Space<Value>) {
    this.key = kv.key;
    this.token = kv.createRevision;
    this.lease = kv.lease;
    this.identity = record?.identity ?? '';
    this.metadata = record?.metadata ?? {};
    this.priority = record?.priority ?? 0;
    this.since = record === undefined ? undefined : new Date(record.since);
    this.#kv = kv;
    this.#entry = space.shape(kv);
  }

  /** What it proposed, or proclaimed since. @throws DecodeError when the codec cannot read it. */
  get value(): Value {
    return this.#entry.value;
  }

  /** Whether another says the same: the same term with the same value. */
  static isSame<Value>(one: Leader<Value> | undefined, other: Leader<Value> | undefined): boolean {
    if (one === undefined || other === undefined) return one === other;
    return one.token === other.token && one.#saysAs(other);
  }

  #saysAs(other: Leader<Value>): boolean {
    const [mine, its] = [this.#kv.wireValue, other.#kv.wireValue];
    return typeof mine === 'string' || typeof its === 'string'
      ? mine === its
      : mine.base64 === its.base64;
  }
}
