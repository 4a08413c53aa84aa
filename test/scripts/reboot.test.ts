import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runScript } from '../harness/golden.ts';
import { RebootScript } from '../harness/reboot-script.ts';

const folder = fileURLToPath(new URL('./reboot/', import.meta.url));

for (const name of readdirSync(folder).sort()) {
  if (!name.endsWith('.txt')) continue;
  test(`reboot script ${name.slice(0, -'.txt'.length)}`, () => {
    runScript(folder + name, new RebootScript().run);
  });
}
