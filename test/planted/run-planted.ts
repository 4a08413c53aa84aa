import { planOf } from '../simulation/plan.ts';
import { ruleOf } from '../simulation/rule.ts';
import { OptionError } from '../simulation/sim-options.ts';
import { SimWorker } from '../simulation/sim-worker.ts';
import { allBugs, findBug } from './all-bugs.ts';
import { PatchError, type PlantedBug, patchedModules } from './planted-bug.ts';

/** How the search for one bug went. */
export interface Finding {
  readonly bug: PlantedBug;
  /** The seeds that were run, the one that failed included. */
  readonly seeds: number;
  readonly seconds: number;
  /** The rule that it broke; undefined when nothing noticed it. */
  readonly rule: string | undefined;
  /** Why nothing can be said: the patch does not apply, the worker died. */
  readonly fault: string | undefined;
}

/** A bug must break a rule of the checks; these say that the patched code does not run at all. */
const noFinding = new Set(['TypeError', 'ReferenceError', 'SyntaxError', 'RangeError']);

/** Plants one bug in a process of its own and runs seeds until a check fails. */
export async function findPlanted(bug: PlantedBug): Promise<Finding> {
  const began = performance.now();
  const worker = new SimWorker({
    imports: [new URL('plant.ts', import.meta.url).href],
    env: { LOCKSTEP_PLANTED: bug.name },
    program: new URL('planted-worker.ts', import.meta.url),
  });
  let seeds = 0;
  const end = (said: { rule?: string; fault?: string }): Finding => {
    const seconds = (performance.now() - began) / 1_000;
    return { bug, seeds, seconds, rule: said.rule, fault: said.fault };
  };
  try {
    patchedModules(bug);
    while (seeds < bug.seeds) {
      const report = await worker.run({ plan: planOf(++seeds) });
      if (report.type === 'lost') return end({ fault: `seed ${seeds}: ${report.message}` });
      if (report.type === 'held') continue;
      // A checker that gives up has found nothing.
      if (report.message.startsWith('the checker gave up')) continue;
      if (noFinding.has(report.kind)) return end({ fault: `seed ${seeds}: ${report.stack}` });
      return end({ rule: ruleOf(report.message) });
    }
    return end({});
  } catch (error) {
    if (error instanceof PatchError) return end({ fault: error.message });
    throw error;
  } finally {
    await worker.close();
  }
}

/** Plants all bugs, or those that are named, and prints what found each. The exit code is 0 if all are found. */
export async function runPlanted(command: {
  names: readonly string[];
  workers: number;
}): Promise<number> {
  const bugs = command.names.length === 0 ? allBugs : command.names.map(chosen);
  const waiting = [...bugs.entries()];
  const findings: Finding[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [at, bug] = next;
      const finding = await findPlanted(bug);
      findings[at] = finding;
      console.error(`${isFound(finding) ? 'found' : 'NOT FOUND'}: ${bug.name}`);
    }
  };
  await Promise.all(Array.from({ length: command.workers }, work));
  console.log(`\n${tableOf(findings)}\n`);
  const lost = findings.filter((finding) => !isFound(finding));
  for (const { bug, fault } of lost) {
    console.error(`${bug.name}: ${fault ?? `not found within ${bug.seeds} seeds: ${bug.wrong}`}`);
  }
  console.log(`${findings.length - lost.length} of ${findings.length} planted bugs found`);
  return lost.length === 0 ? 0 : 1;
}

function isFound({ rule }: Finding): boolean {
  return rule !== undefined;
}

function chosen(name: string): PlantedBug {
  try {
    return findBug(name);
  } catch (error) {
    throw new OptionError((error as Error).message);
  }
}

function tableOf(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ bug }) => bug.name.length));
  const row = (cells: readonly [string, string, string, string]): string =>
    `${cells[0].padEnd(width)}  ${cells[1].padStart(9)}  ${cells[2].padStart(7)}  ${cells[3]}`;
  const rows = findings.map(({ bug, seeds, seconds, rule, fault }) => {
    const found = rule === undefined ? '-' : String(seeds);
    const [why = ''] = (rule ?? fault ?? 'nothing noticed it').split('\n');
    return row([bug.name, `${found} of ${bug.seeds}`, seconds.toFixed(1), why]);
  });
  return [row(['planted bug', 'seeds', 'seconds', 'the rule that it broke']), ...rows].join('\n');
}
