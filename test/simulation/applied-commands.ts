import { assert } from '../../server/src/core/base/assert.ts';
import type { Command } from '../../server/src/core/command.ts';
import type { Applied, Machine } from '../../server/src/core/machine.ts';
import type { Coverage } from './coverage.ts';
import type { Workload } from './workload.ts';

/** What commands tell when a member applies them for the first time. */
export class AppliedCommands {
  readonly #workload: Workload;
  readonly #coverage: Coverage;
  readonly #reference: Machine;
  /** Members that have no space. */
  readonly #full = new Set<string>();

  constructor(workload: Workload, coverage: Coverage, reference: Machine) {
    this.#workload = workload;
    this.#coverage = coverage;
    this.#reference = reference;
  }

  applied(applied: Applied, command: Command, now: number): void {
    this.#workload.leases.applied(applied, command, now, (id) => this.#reference.leases.has(id));
    if (command.type === 'compact' && applied.reply.type === 'done') {
      this.#coverage.reach('compaction by itself');
    }
    if (command.type === 'hashCheck') this.#coverage.reach('hash check begun');
    if (command.type === 'hashReport') this.#coverage.reach('hash reported');
    if (command.type === 'put' && this.#full.size > 0) {
      // One that was run before may be answered again.
      assert(applied.events.length === 0, 'a put was taken while there was no space');
    }
    if (command.type === 'raiseAlarm' && command.alarm === 'nospace') {
      this.#full.add(command.memberId);
      this.#coverage.reach('space ran out');
    }
    if (command.type === 'clearAlarm') {
      if (command.memberId === '') this.#full.clear();
      this.#full.delete(command.memberId);
      this.#coverage.reach('space was there again');
    }
  }
}
