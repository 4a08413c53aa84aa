#!/usr/bin/env node
// Plain JavaScript and committed, so that npm can link the command before anything is built.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(main)) {
  const { runProcess } = await import(main.href);
  await runProcess();
} else {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  console.error(`lockstep is not built yet: run "npm ci" (or "npm run build") in ${root}`);
  process.exitCode = 1;
}
