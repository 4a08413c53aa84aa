import type { Client, KeyValue, WatchEvent } from '@lockstep/client';
import { type Candidate, type CandidateRecord, isInOffice, recordIn } from './candidate.ts';
import type { ElectionKeys } from './keys.ts';
import { candidateIn } from './standing.ts';

/**
 * Follows an election, revision by revision, through lost connections and compaction, until the signal aborts: the leader
 * there is, or undefined, whenever that may have changed. Rejects with the signal's reason, or ClosedError.
 */
export async function follow(
  client: Client,
  keys: ElectionKeys,
  say: (leader: Candidate | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  const line = new Line(keys);
  const watch = client.watch({
    ranges: [{ prefix: keys.candidates }, { prefix: keys.records }],
    initial: true,
    onCompaction: 'relist',
    // So that history which others write leaves no gap that only a new list can close.
    progressNotify: true,
    signal,
  });
  for await (const item of watch.items()) {
    if (item.type === 'progress') continue;
    if (item.type === 'events') for (const event of item.events) line.take(event);
    // A part of a list says nothing yet; the mark behind it comes here as well.
    if (item.type !== 'events' || !item.isListed) say(line.leader);
  }
}

/** Who stands in line, kept by events. */
class Line {
  readonly #keys: ElectionKeys;
  readonly #candidates = new Map<string, KeyValue>();
  readonly #records = new Map<string, CandidateRecord>();

  constructor(keys: ElectionKeys) {
    this.#keys = keys;
  }

  take({ type, kv }: WatchEvent): void {
    const candidate = this.#keys.candidateOf(kv);
    if (candidate !== undefined) {
      if (type === 'put') this.#candidates.set(candidate, kv);
      else this.#candidates.delete(candidate);
    }
    const record = this.#keys.recordOf(kv);
    if (record !== undefined) {
      if (type === 'put') this.#records.set(record, recordIn(kv));
      else this.#records.delete(record);
    }
  }

  get leader(): Candidate | undefined {
    let first: KeyValue | undefined;
    for (const kv of this.#candidates.values()) {
      if (first === undefined || kv.createRevision < first.createRevision) first = kv;
    }
    if (first === undefined) return undefined;
    const candidate = candidateIn(this.#keys, first, (id) => this.#records.get(id));
    return candidate !== undefined && isInOffice(candidate) ? candidate : undefined;
  }
}
