import { availableParallelism } from 'node:os';
import { type Group, type Sorted, selectTests, sortTests, withoutRequest } from './groups.ts';
import { killJobs, runJob } from './job.ts';
import { inPool } from './pool.ts';
import { runScript } from './steps.ts';
import { Summary } from './summary.ts';
import { projectFiles } from './tree.ts';

/** More processes than this fight over the machine with the timeouts that they test. */
const processesMax = 4;

/** A run without words is to take about 3 minutes, so no process of it may take longer. */
const jobMsMax = 170_000;

/** The files that one process runs. */
type Job = readonly string[];

/**
 * Builds, checks and tests the project, but for the groups that are run on request; or, with words, builds it and
 * runs only the groups, files and folders that they name.
 *
 * @returns the exit code.
 */
export async function main(root: string, words: readonly string[]): Promise<number> {
  const print = (line: string) => console.log(line);
  const ci = process.env.CI !== undefined && process.env.CI !== '' && process.env.CI !== 'false';
  const summary = new Summary({ ci, print });
  const all = sortTests(projectFiles(root));
  const whole = words.length === 0;
  let chosen: Sorted['byGroup'];
  try {
    chosen = whole ? withoutRequest(all) : selectTests(all, words);
  } catch (error) {
    summary.addFault('the command line', (error as Error).message);
    return summary.end();
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  if (whole) for (const fault of all.faults) summary.addFault('test files', fault);
  if (ci && process.env.UPDATE !== undefined) {
    summary.addFault('UPDATE', 'CI compares golden scripts and does not rewrite them');
  }
  await step(summary, root, 'build');
  const lint = () => step(summary, root, 'lint');
  await runAll(chosen, whole ? [lint] : [], async (files) => {
    summary.addJob(await runJob(files, { root, msMax: jobMsMax }));
  });
  return summary.end();
}

async function step(summary: Summary, root: string, name: string): Promise<void> {
  const began = performance.now();
  const fault = await runScript(root, name);
  if (fault !== undefined) summary.addFault(`npm run ${name}`, fault);
  else console.log(`ok    npm run ${name}, ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

async function runAll(
  chosen: Sorted['byGroup'],
  beside: readonly (() => Promise<void>)[],
  run: (job: Job) => Promise<void>,
): Promise<void> {
  const tasks = (are: (group: Group) => boolean) =>
    [...chosen]
      .filter(([group]) => are(group))
      .flatMap(([group, files]) => jobs(group, files))
      .map((job) => () => run(job));
  const width = Math.min(processesMax, availableParallelism());
  const isAlone = ({ alone }: Group): boolean => alone === true;
  await inPool(width, [...tasks((group) => !isAlone(group)), ...beside]);
  await inPool(1, tasks(isAlone));
}

/** Files that follow each other in the alphabet are often alike, and as slow: they go to different processes. */
function jobs({ filesPerProcess }: Group, files: readonly string[]): Job[] {
  const count = Math.ceil(files.length / filesPerProcess) || Math.min(files.length, 1);
  return Array.from({ length: count }, (_, job) => files.filter((_file, at) => at % count === job));
}

function stop(signal: NodeJS.Signals): void {
  killJobs();
  console.log(`\nstopped by ${signal}\n0 passed, 1 failed`);
  process.exit(1);
}
