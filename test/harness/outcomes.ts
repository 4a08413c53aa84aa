import assert from 'node:assert/strict';
import type { Outcome } from './command.ts';

/** It went well, and printed this to the letter. */
export function assertPrints(outcome: Outcome, stdout: string): void {
  assert.deepEqual(
    { stdout: outcome.stdout.toString(), stderr: outcome.stderr, exitCode: outcome.exitCode },
    { stdout, stderr: '', exitCode: 0 },
  );
}

/** It ended with this code and printed nothing; what it said fits. */
export function assertEnds(outcome: Outcome, exitCode: number, stderr: RegExp): void {
  assert.match(outcome.stderr, stderr);
  assert.deepEqual([outcome.stdout.toString(), outcome.exitCode], ['', exitCode]);
}

/** The rows of a table without what pads them. */
export function rowsOf(drawn: string): string[] {
  return drawn
    .split('\n')
    .filter((line) => line.startsWith('│'))
    .map((line) => line.replace(/ +/g, ' '));
}
