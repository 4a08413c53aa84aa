import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runScript } from '../harness/golden.ts';
import { MachineScript } from '../harness/machine-script.ts';

const folder = fileURLToPath(new URL('./machine/', import.meta.url));

for (const name of readdirSync(folder).sort()) {
  if (!name.endsWith('.txt')) continue;
  test(`machine script ${name.slice(0, -'.txt'.length)}`, () => {
    runScript(folder + name, new MachineScript().run);
  });
}
