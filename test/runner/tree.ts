import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What is built, installed or left behind by a run; the same names stand in .gitignore. */
const ignored = /^(\.git|node_modules|dist|coverage|lockstep-data)$|\.(tsbuildinfo|cpuprofile)$/;

/** Every file of the project, sorted, relative to `root`, with `/` between the names. */
export function projectFiles(root: string): string[] {
  return list(root, '').sort();
}

function list(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (ignored.test(entry.name)) return [];
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? list(root, path) : [path];
  });
}
