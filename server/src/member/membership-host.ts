import type { Command } from '../core/command.ts';
import type { Machine } from '../core/machine.ts';
import type { Raft } from '../core/raft/raft.ts';
import type { Leadership } from './leadership.ts';
import type { Links } from './links.ts';
import type { MemberOptions } from './options.ts';
import type { Outcome } from './proposals.ts';

/** What a member shows to those who change, and watch, its membership. */
export interface ChangesHost {
  readonly options: MemberOptions;
  readonly raft: Raft;
  readonly machine: Machine;
  readonly links: Links;
  readonly leadership: Leadership;
  readonly appliedIndex: number;
  readonly joined: boolean;
  readonly running: boolean;
  propose(command: Command, done: (outcome: Outcome) => void): void;
  wakeUp(): void;
  fail(error: Error): void;
}
