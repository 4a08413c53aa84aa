// Makes the page that a member serves: one script, one style sheet, one document, one icon, in
// server/dist/console. Plain JavaScript, so that `npm ci` can run it before anything is built.
import { copyFile, mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const from = new URL('./src/', import.meta.url);
const to = new URL('../server/dist/console/', import.meta.url);

await mkdir(to, { recursive: true });
await build({
  entryPoints: { console: fileURLToPath(new URL('main.ts', from)) },
  outfile: fileURLToPath(new URL('console.js', to)),
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  // The client's sources and not what was built of them, so the order of builds does not matter.
  conditions: ['source'],
  // A licence that a library asks to keep stays in the file.
  legalComments: 'eof',
  logLevel: 'warning',
});
for (const name of ['console.html', 'console.css', 'console.svg']) {
  await copyFile(new URL(name, from), new URL(name, to));
}
