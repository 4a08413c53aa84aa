import type { Command } from '../../server/src/core/command.ts';
import type { Applied } from '../../server/src/core/machine.ts';
import type { Coverage } from './coverage.ts';
import type { Workload } from './workload.ts';

/** What commands tell when a member applies them for the first time. */
export class AppliedCommands {
  readonly #workload: Workload;
  readonly #coverage: Coverage;

  constructor(workload: Workload, coverage: Coverage) {
    this.#workload = workload;
    this.#coverage = coverage;
  }

  applied(applied: Applied, command: Command, now: number): void {
    this.#workload.leases.applied(applied, command, now);
    if (command.type === 'compact' && applied.reply.type === 'done') {
      this.#coverage.reach('compaction by itself');
    }
    if (command.type === 'hashCheck') this.#coverage.reach('hash check begun');
    if (command.type === 'hashReport') this.#coverage.reach('hash reported');
    if (command.type === 'raiseAlarm' && command.alarm === 'nospace') {
      this.#coverage.reach('space ran out');
    }
    if (command.type === 'clearAlarm') this.#coverage.reach('space was there again');
  }
}
