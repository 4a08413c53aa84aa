// `npm test`. Plain JavaScript, so that Node 20 starts it; everything else is TypeScript that tsx runs.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
if (existsSync(new URL('../node_modules/tsx', import.meta.url))) {
  const { register } = await import('tsx/esm/api');
  register();
  const { main } = await import('./runner/main.ts');
  process.exitCode = await main(root, process.argv.slice(2));
} else {
  console.error(`the dependencies are not installed: run "npm ci" in ${root}`);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
}
