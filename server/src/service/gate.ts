import { TableError } from '@lockstep/client/protocol';
import type { Asker, AuthRights, AuthView, Store } from '../store.ts';
import type { Access, CallContext, Caller } from './caller.ts';

/** Looks at every access of a request. @throws TableError when one is refused. */
export type Decide = (caller: Caller) => void;

/** For {@link Gate.change}, where the reply needs no other words. */
export function asIs<Reply>(reply: Reply): Reply {
  return reply;
}

/** How often a change is decided anew because rights changed while it was under way. */
const triesMax = 8;

/**
 * Sees to it that every call is decided by the rights in force. A change carries the auth revision at
 * which it was allowed, and is decided anew when that is another by the time it is applied; a read is
 * looked at again when rights have changed by the time its answer is there. So nothing is done by a
 * right that was taken away before.
 */
export class Gate {
  readonly #store: Store;
  readonly #wallMs: () => number;

  constructor(store: Store, wallMs: () => number) {
    this.#store = store;
    this.#wallMs = wallMs;
  }

  /** False while everybody may do everything. */
  get isEnforced(): boolean {
    return this.#store.auth().enabled;
  }

  /**
   * The caller with the rights that it has now.
   * @throws TableError `user_name_empty` for one who has not said who it is, `invalid_auth_token` when
   * what it proved does not hold any more.
   */
  enter(caller: Caller): Caller {
    const view = this.#store.auth();
    if (!view.enabled) return caller.asker === undefined ? caller : withoutRights(caller);
    const { identity } = caller;
    if (identity === undefined || identity.user === '') throw new TableError('user_name_empty');
    const { user, revision, expiresAtMs } = identity;
    if (revision !== undefined) {
      const known = view.user(user);
      const isVoid = known === undefined || known.passwordRevision > revision;
      const isLate = expiresAtMs !== undefined && expiresAtMs <= this.#wallMs();
      if (isVoid || isLate) throw new TableError('invalid_auth_token');
    }
    return {
      name: user,
      identity,
      permits: permitsOf(view, user),
      asker: { user, authRevision: view.revision },
    };
  }

  /** The context of a call, its caller entered. @throws TableError as {@link enter}. */
  context(context: CallContext): CallContext {
    if (!this.isEnforced) return context;
    const { answerTurn } = context;
    const caller = this.enter(context.caller);
    if (answerTurn === undefined) return { caller };
    return { caller, answerTurn: (bytes) => context.answerTurn?.(bytes) };
  }

  /**
   * Decides and runs a change, anew when rights changed in between.
   * @throws TableError when it is refused before the store is asked; later refusals reject.
   */
  change<Reply, Result>(
    caller: Caller,
    decide: Decide,
    run: (asker: Asker | undefined) => Promise<Reply>,
    word: (reply: Reply) => Result | PromiseLike<Result>,
    tries = triesMax,
  ): Promise<Result> {
    decide(caller);
    return run(caller.asker).then(word, (error: unknown) => {
      const isOld = error instanceof TableError && error.code === 'auth_revision_old';
      if (!isOld || tries <= 1) throw error;
      return this.change(this.enter(caller), decide, run, word, tries - 1);
    });
  }

  /**
   * Decides a read. The function that is returned is called when its answer is there, and decides again
   * if rights have changed by then.
   * @throws TableError when it is refused.
   */
  read(caller: Caller, decide: Decide): () => void {
    const view = this.#store.auth();
    decide(caller);
    return () => {
      if (this.#store.auth() !== view) decide(this.enter(caller));
    };
  }
}

function withoutRights({ name, identity }: Caller): Caller {
  return { name, identity, permits: undefined };
}

function permitsOf(view: AuthView, user: string): (access: Access) => boolean {
  const rights: AuthRights = view.rights(user);
  return ({ action, range }) => {
    if (rights.isRoot) return true;
    if (action === 'administer') {
      // A certificate may name whom the cluster does not know.
      if (view.user(user) === undefined) throw new TableError('user_not_found');
      return false;
    }
    return range !== undefined && rights.permits(action, range);
  };
}
