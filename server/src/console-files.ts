import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ConsoleFile } from './api/console/page.ts';

/** What the build made (console/build.js), and where a browser finds it. */
const files = [
  { path: '/', name: 'console.html', contentType: 'text/html; charset=utf-8' },
  { path: '/console.js', name: 'console.js', contentType: 'text/javascript; charset=utf-8' },
  { path: '/console.css', name: 'console.css', contentType: 'text/css; charset=utf-8' },
  { path: '/console.svg', name: 'console.svg', contentType: 'image/svg+xml' },
];

/** Beside what was built of this file, or, when this file runs as it is, where the build puts it. */
const folders = ['../console/', '../dist/console/'].map((at) => new URL(at, import.meta.url));

/** The files of the console page; undefined when they were not built. */
export async function readConsole(): Promise<readonly ConsoleFile[] | undefined> {
  for (const folder of folders) {
    try {
      return await Promise.all(files.map((file) => read(file, folder)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

async function read(file: (typeof files)[number], folder: URL): Promise<ConsoleFile> {
  const { path, name, contentType } = file;
  const body = await readFile(new URL(name, folder));
  const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  return { path, contentType, body, etag: `"${digest}"` };
}
