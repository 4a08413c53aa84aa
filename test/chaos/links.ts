/** What may be wrong on the way from one process to another. */
export interface Trouble {
  /** Names of members, or `clients`; absent for whoever it is. */
  readonly from?: string;
  readonly to?: string;
  /** Nothing passes; what was sent waits. */
  readonly isHeld?: boolean;
  readonly delayMs?: number;
}

export interface Passage {
  readonly isHeld: boolean;
  readonly delayMs: number;
}

/** Stands for all clients among the names. */
export const clients = 'clients';

/** What passes between whom at this moment: members by their names, and clients. */
export class Links {
  readonly #troubles = new Set<Trouble>();
  readonly #listeners = new Set<() => void>();

  passage(from: string, to: string): Passage {
    let isHeld = false;
    let delayMs = 0;
    for (const trouble of this.#troubles) {
      if ((trouble.from ?? from) !== from || (trouble.to ?? to) !== to) continue;
      isHeld ||= trouble.isHeld === true;
      delayMs += trouble.delayMs ?? 0;
    }
    return { isHeld, delayMs };
  }

  /** @returns what ends the trouble. */
  trouble(...troubles: readonly Trouble[]): () => void {
    for (const trouble of troubles) this.#troubles.add(trouble);
    this.#changed();
    return () => {
      for (const trouble of troubles) this.#troubles.delete(trouble);
      this.#changed();
    };
  }

  heal(): void {
    this.#troubles.clear();
    this.#changed();
  }

  /** Calls `listener` after every change until what it returns is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
