import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectFiles } from '../runner/tree.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Every file of the project. */
export const files = projectFiles(root);

export function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** What is compiled and shipped, with its source; tests beside it are not. */
export function shippedSources(): Map<string, string> {
  const shipped = files.filter(
    (file) =>
      /^(client|server|cli|console|recipes|examples|demo)\//.test(file) &&
      /\.[cm]?[jt]sx?$/.test(file) &&
      !file.endsWith('.test.ts'),
  );
  return new Map(shipped.map((file) => [file, read(file)]));
}
