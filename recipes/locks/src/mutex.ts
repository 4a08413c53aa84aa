import type { Client, Compare, Session } from '@lockstep/client';
import { type Claim, claimsOf } from './claim.ts';
import { ghostOf } from './ghosts.ts';
import { encodeHolder, holderOf, type LockQueue } from './holder.ts';
import { Lock, type Ownership } from './lock.ts';
import { type HolderOptions, Lockable } from './lockable.ts';
import { checkedName, isPlace } from './name.ts';
import { nothingNew, placesIn } from './queue.ts';

/**
 * A lock of a name: at most one holds it, first come first served, over any number of processes.
 *
 * Not promised: that a holder which ignores `lost`, or was stopped and does not know it, keeps its hands off what the
 * lock protects. Write with `lock.txn()`, or take `lock.token` along.
 */
export class Mutex extends Lockable {
  readonly name: string;
  readonly #claim: Claim;

  /** @throws InvalidError when the name is none. */
  constructor(session: Session, name: string, options: HolderOptions = {}) {
    super(session);
    this.name = checkedName(name);
    const prefix = `${name}/`;
    const value = encodeHolder(options);
    this.#claim = {
      name,
      lock: `mutex ${name}`,
      ghost: ghostOf(options, prefix),
      prefix,
      scope: prefix,
      value: () => value,
      judge: (kv) => (isPlace(kv, prefix) ? 'blocks' : 'stranger'),
      free: async (call): Promise<readonly Compare[] | undefined> => {
        const kvs = await placesIn(session.client, prefix, call);
        return kvs.some((kv) => isPlace(kv, prefix)) ? undefined : [nothingNew(prefix, kvs)];
      },
    };
  }

  override [claimsOf](): readonly Claim[] {
    return [this.#claim];
  }

  protected override hold(ownership: Ownership): Lock {
    return new Lock(ownership);
  }

  /** Who has it and who waits, next first. */
  inspect(): Promise<LockQueue> {
    return inspectMutex(this.session.client, this.name);
  }
}

/** Who has a lock and who waits for it, for those who only look. @throws InvalidError; what a call can end in. */
export async function inspectMutex(client: Client, name: string): Promise<LockQueue> {
  const prefix = `${checkedName(name)}/`;
  const kvs = await placesIn(client, prefix);
  const [holder, ...waiting] = kvs.filter((kv) => isPlace(kv, prefix)).map(holderOf);
  return { holder, waiting };
}
