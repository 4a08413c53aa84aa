import type { Line } from './reporter.ts';

export interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly ms: number;
  /** Names and reasons of the tests that did not run. */
  readonly skipped: readonly string[];
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly what: string;
  readonly why: string;
}

/**
 * Turns what a process reported into one result per file it was given. A file counts as run when a
 * test in it ended; one that never did is a failure, whatever the process says.
 *
 * @param fault what the process did wrong apart from its tests; it must not be lost because every
 *   test had passed by then.
 */
export function tally(
  files: readonly string[],
  lines: readonly Line[],
  fault: string | undefined,
): FileResult[] {
  const results = new Map<string, FileResult>();
  let open = new Counter();
  for (const line of lines) {
    if (line.type === 'begin') open.began(line);
    else if (line.nesting > 0) open.ended(line);
    else {
      results.set(line.name, open.close(line));
      open = new Counter();
    }
  }
  const all = files.map((file) => results.get(file) ?? open.cutOff(file));
  const guilty = all.find(({ failures }) => failures.length > 0) ?? all[0];
  if (fault === undefined || guilty === undefined) return all;
  const failures = [...guilty.failures, { what: 'the process of the tests', why: fault }];
  return all.map((result) => (result === guilty ? { ...guilty, failures } : result));
}

class Counter {
  #passed = 0;
  readonly #skipped: string[] = [];
  readonly #failures: Failure[] = [];
  /** Names from the file down to the test that runs now. */
  readonly #path: string[] = [];

  began(line: Line): void {
    this.#path.length = Math.min(this.#path.length, line.nesting);
    this.#path[line.nesting] = line.name;
  }

  ended(line: Line): void {
    const what = [...this.#path.slice(1, line.nesting), line.name].join(' > ');
    this.#path.length = Math.min(this.#path.length, line.nesting);
    if (line.todo) this.#skipped.push(`${what} (marked todo)`);
    else if (line.skipped !== undefined) {
      this.#skipped.push(`${what} (${line.skipped || 'no reason given'})`);
    } else if (line.type === 'fail') this.#fail(line, what);
    else if (!line.suite) this.#passed++;
  }

  close(line: Line): FileResult {
    if (line.type === 'fail') this.#fail(line, 'the file');
    if (this.#passed + this.#skipped.length + this.#failures.length === 0) {
      this.#failures.push({ what: 'the file', why: 'no test ran in this file' });
    }
    return this.#result(line.name, line.ms);
  }

  /** The process ended in the middle of this file, or before it came to it. */
  cutOff(file: string): FileResult {
    if (this.#path[0] !== file) {
      const failures = [
        { what: 'the process of the tests', why: 'the process ended before this file ran' },
      ];
      return { file, passed: 0, ms: 0, skipped: [], failures };
    }
    const last = this.#path.slice(1).join(' > ');
    const heard = last === '' ? 'while this file was loaded, or between tests' : `in "${last}"`;
    this.#failures.push({
      what: 'the process of the tests',
      why: `the process ended, last heard of ${heard}`,
    });
    return this.#result(file, 0);
  }

  /** What failed only because of what is inside it is not counted a second time. */
  #fail(line: Line, what: string): void {
    const why = line.error ?? 'failed without a reason';
    const inside = line.suite && this.#failures.some((failure) => failure.why === why);
    if (!line.inherited && !inside) this.#failures.push({ what, why });
  }

  #result(file: string, ms: number): FileResult {
    return { file, passed: this.#passed, ms, skipped: this.#skipped, failures: this.#failures };
  }
}
