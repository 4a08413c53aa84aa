import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runScript } from '../harness/golden.ts';
import { RaftScript } from '../harness/raft-verbs.ts';

const folder = fileURLToPath(new URL('./raft/', import.meta.url));

for (const name of readdirSync(folder).sort()) {
  if (!name.endsWith('.txt')) continue;
  test(`raft script ${name.slice(0, -'.txt'.length)}`, () => {
    runScript(folder + name, new RaftScript().run);
  });
}
