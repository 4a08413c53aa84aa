import type { JobResult } from './job.ts';
import type { FileResult } from './tally.ts';

export interface SummaryOptions {
  /** In CI nothing may be skipped: a missing tool is a failure there. */
  readonly ci: boolean;
  readonly print: (line: string) => void;
}

/** Prints results as they come, keeps the totals, and has the last word. */
export class Summary {
  #passed = 0;
  #failed = 0;
  #skipped = 0;
  readonly #failures: string[] = [];
  readonly #ci: boolean;
  readonly #print: (line: string) => void;

  constructor(options: SummaryOptions) {
    this.#ci = options.ci;
    this.#print = options.print;
  }

  get failed(): number {
    return this.#failed;
  }

  /** Something beside a test: building, linting, a test that no group runs. */
  addFault(what: string, why: string): void {
    this.#failed++;
    this.#failures.push(what);
    this.#print(`FAIL  ${what}`);
    this.#print(indent(why));
  }

  addJob({ files, output }: JobResult): void {
    for (const file of files) this.#addFile(file);
    const failed = files.some(({ failures }) => failures.length > 0);
    if (failed && output.trim() !== '') this.#print(indent(`it wrote:\n${output.trimEnd()}`));
  }

  #addFile(result: FileResult): void {
    const failures = [...result.failures];
    this.#passed += result.passed;
    if (this.#ci) failures.push(...result.skipped.map(notInCi));
    else this.#skipped += result.skipped.length;
    const state = failures.length === 0 ? 'ok  ' : 'FAIL';
    const seconds = `${(result.ms / 1000).toFixed(1)} s`;
    this.#print(`${state}  ${result.file}  ${count(result.passed, 'test')}, ${seconds}`);
    for (const { what, why } of failures) {
      this.#failed++;
      this.#failures.push(`${result.file}: ${what}`);
      this.#print(indent(`${what}\n${indent(why)}`));
    }
    if (!this.#ci) for (const name of result.skipped) this.#print(indent(`skipped: ${name}`));
  }

  /** @returns the exit code. */
  end(): number {
    if (this.#passed === 0 && this.#failed === 0) this.addFault('nothing', 'no test ran at all');
    if (this.#failures.length > 0) {
      this.#print('\nfailed:');
      for (const failure of this.#failures) this.#print(indent(failure));
    }
    if (this.#skipped > 0) this.#print(`\n${count(this.#skipped, 'test')} skipped`);
    this.#print(`\n${this.#passed} passed, ${this.#failed} failed`);
    return this.#failed === 0 ? 0 : 1;
  }
}

function notInCi(name: string) {
  return {
    what: name,
    why: 'skipped, which CI does not allow: .ci/run installs what a test needs',
  };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '      ');
}
