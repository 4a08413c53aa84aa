import { TableError } from '@lockstep/client/protocol';
import { AuthTable } from '../../server/src/core/auth/auth-table.ts';
import type { Asker, AuthChange, AuthView } from '../../server/src/store.ts';

/** The rights of a store in memory, and who listens to their changes. */
export class MemoryRights {
  readonly #table = new AuthTable();
  readonly #listeners = new Set<() => void>();

  get state(): AuthView {
    return this.#table.state;
  }

  /** @throws TableError what the table refuses. */
  change(change: AuthChange): object {
    const refused = this.#table.apply(change);
    if (refused !== undefined) throw new TableError(refused);
    for (const changed of [...this.#listeners]) changed();
    return {};
  }

  onChange(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** @throws TableError `auth_revision_old` for a change that was allowed by earlier rights. */
  check(asker: Asker | undefined): void {
    const { enabled, revision } = this.#table.state;
    if (enabled && asker !== undefined && asker.authRevision !== revision) {
      throw new TableError('auth_revision_old');
    }
  }
}
