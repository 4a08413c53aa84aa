import { readFileSync } from 'node:fs';

/** A mistake that could have been made: production source, changed in one place. */
export interface PlantedBug {
  /** As it is named on a command line. */
  readonly name: string;
  /** Path from the root of the project. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** One sentence: what is wrong then. */
  readonly wrong: string;
  /** Within so many seeds, from 1 on, a check must fail. */
  readonly seeds: number;
}

/** A bug cannot be planted: the source has changed, and the bug must be described anew. */
export class PatchError extends Error {
  override readonly name = 'PatchError';
}

/** Where the file of a bug is. */
export function urlOf({ file }: PlantedBug): URL {
  return new URL(`../../${file}`, import.meta.url);
}

/**
 * The source of the bug's file with the bug in it.
 *
 * @throws {PatchError} unless the text that is to be replaced is there exactly once.
 */
export function patchedSource(bug: PlantedBug): string {
  let source: string;
  try {
    source = readFileSync(urlOf(bug), 'utf8');
  } catch {
    throw new PatchError(`${bug.name}: ${bug.file} is not there`);
  }
  const parts = source.split(bug.find);
  const times = parts.length - 1;
  if (times !== 1) {
    throw new PatchError(`${bug.name}: its text is found ${times} times in ${bug.file}, not once`);
  }
  return parts.join(bug.replace);
}
