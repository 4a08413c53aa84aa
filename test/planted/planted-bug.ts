import { readFileSync } from 'node:fs';

/** One place of the source that is changed. */
export interface Edit {
  /** Path from the root of the project. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** A mistake that could have been made: production source, changed in one place, or in the few that guard the same thing. */
export interface PlantedBug {
  /** As it is named on a command line. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** One sentence: what is wrong then. */
  readonly wrong: string;
  /** Within so many seeds, from 1 on, a check must fail. */
  readonly seeds: number;
}

/** A bug cannot be planted: the source has changed, and the bug must be described anew. */
export class PatchError extends Error {
  override readonly name = 'PatchError';
}

export interface PatchedModule {
  readonly url: string;
  readonly source: string;
}

/**
 * The modules of a bug with the bug in them.
 *
 * @throws {PatchError} unless each text that is to be replaced is there exactly once.
 */
export function patchedModules({ name, edits }: PlantedBug): PatchedModule[] {
  const sources = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const parts = (sources.get(file) ?? sourceOf(file, name)).split(find);
    const times = parts.length - 1;
    if (times !== 1) {
      throw new PatchError(`${name}: its text is found ${times} times in ${file}, not once`);
    }
    sources.set(file, parts.join(replace));
  }
  return [...sources].map(([file, source]) => ({ url: urlOf(file).href, source }));
}

function sourceOf(file: string, bug: string): string {
  try {
    return readFileSync(urlOf(file), 'utf8');
  } catch {
    throw new PatchError(`${bug}: ${file} is not there`);
  }
}

function urlOf(file: string): URL {
  return new URL(`../../${file}`, import.meta.url);
}
