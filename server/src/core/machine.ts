import { unreachable } from './base/assert.ts';
import { crc32c } from './base/crc32c.ts';
import { type Command, decodeCommand, type Origin } from './command.ts';
import { type MachineImage, MachineRestorer, machineChunks } from './machine-image.ts';
import { type MemberRecord, MemberTable, type RegistrationRefusal } from './member-table.ts';
import type { KeyValue } from './mvcc/key-value.ts';
import { MvccStore } from './mvcc/store.ts';
import type { MembershipChange } from './raft/membership.ts';

/** What a command answered. Refusals are values: apply never throws on what a user asked. */
export type Reply =
  | { readonly type: 'put'; readonly prevKv: KeyValue | undefined }
  | {
      readonly type: 'deleteRange';
      readonly deleted: number;
      readonly prevKvs: readonly KeyValue[];
    }
  | { readonly type: 'register'; readonly refused: RegistrationRefusal | undefined };

export interface Applied {
  readonly origin: Origin;
  readonly reply: Reply;
  /** The store's revision after the command. */
  readonly revision: number;
  /** What it wrote, in order; all of one revision. */
  readonly events: readonly KeyValue[];
}

/** The replicated state machine: the same entries in the same order give the same state on every member. */
export class Machine {
  readonly store: MvccStore;
  readonly members: MemberTable;

  constructor(members: readonly MemberRecord[] = [], store = new MvccStore()) {
    this.store = store;
    this.members = new MemberTable();
    for (const record of members) this.members.set(record);
  }

  /** Applies the payload of one `command` entry. @throws DecodeError on what no version of this build wrote: the member must stop. */
  apply(payload: Uint8Array): Applied {
    const { origin, command } = decodeCommand(payload);
    const { reply, events } = this.store.write((txn) => this.#run(command, txn));
    return { origin, reply, revision: this.store.revision, events };
  }

  /** Applies a `membership` entry to the table of members; Raft itself keeps who votes. */
  applyMembership(change: MembershipChange): void {
    for (const { action, member } of change.changes) {
      if (action === 'remove') this.members.remove(member);
    }
    if (change.context === '') return;
    // Written by the member that proposed the change, never by a user.
    const record = JSON.parse(change.context) as MemberRecord;
    if (this.members.get(record.memberId) === undefined) this.members.set(record);
  }

  #run(command: Command, txn: Parameters<Parameters<MvccStore['write']>[0]>[0]): Reply {
    switch (command.type) {
      case 'put': {
        const prevKv = txn.put(command);
        return { type: 'put', prevKv: command.prevKv ? prevKv : undefined };
      }
      case 'deleteRange': {
        const gone = txn.deleteRange(command);
        return {
          type: 'deleteRange',
          deleted: gone.length,
          prevKvs: command.prevKv ? gone : [],
        };
      }
      case 'register': {
        const { type: _, ...record } = command;
        return { type: 'register', refused: this.members.register(record) };
      }
      default:
        return unreachable(command);
    }
  }

  /** Everything, as of now, in constant time: what a snapshot is written from while writes go on. */
  image(): MachineImage {
    return { store: this.store.view(), members: this.members.list() };
  }

  /** A checksum of the whole state: equal on all members at equal applied index. Walks everything. */
  hash(): number {
    let hash = 0;
    for (const chunk of machineChunks(this.image())) hash = crc32c(chunk, 0, chunk.length, hash);
    return hash;
  }

  /** Collects the chunks of an image, one at a time, into a new machine. */
  static restorer(): MachineRestorer<Machine> {
    return new MachineRestorer((members, store) => new Machine(members, store));
  }
}
