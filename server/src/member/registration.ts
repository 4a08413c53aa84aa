import type { Command, RegisterCommand } from '../core/command.ts';
import type { MemberTable } from '../core/member-table.ts';
import type { Introduction } from './peer-frame.ts';
import type { Outcome } from './proposals.ts';

export interface RegistrationEvents {
  members(): MemberTable;
  propose(command: Command, done: (outcome: Outcome) => void): void;
  /** This member's id belongs to another data directory: it must not go on. */
  refused(name: string): void;
}

/** Keeps the replicated table of members true: which directory acts under which id, and where it is reached. */
export class Registration {
  readonly #events: RegistrationEvents;
  #underWay = false;
  readonly #binding = new Set<string>();

  constructor(events: RegistrationEvents) {
    this.#events = events;
  }

  /** For the leader, when a link comes up and at each tick: binds the id to its directory as soon as both are known. */
  bind(other: Introduction): void {
    if (this.#events.members().get(other.memberId)?.directoryId !== '') return;
    if (this.#binding.has(other.memberId)) return;
    this.#binding.add(other.memberId);
    this.#events.propose(registerCommand(other), () => this.#binding.delete(other.memberId));
  }

  /** For every member, now and then: the first start, or an address for clients that changed. */
  keepTrue(self: Introduction): void {
    const known = this.#events.members().get(self.memberId);
    if (this.#underWay || known === undefined) return;
    if (known.directoryId === self.directoryId && known.clientAddress === self.clientAddress) {
      return;
    }
    this.#underWay = true;
    this.#events.propose(registerCommand(self), (outcome) => {
      this.#underWay = false;
      if (!outcome.ok || outcome.reply.type !== 'register') return;
      if (outcome.reply.refused !== undefined) this.#events.refused(self.name);
    });
  }
}

function registerCommand(who: Introduction): RegisterCommand {
  const { memberId, directoryId, name, clientAddress, peerAddress } = who;
  return { type: 'register', memberId, directoryId, name, clientAddress, peerAddress };
}
