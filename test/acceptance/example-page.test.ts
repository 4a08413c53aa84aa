import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '@lockstep/client';
import { noBrowser, openBrowser, record } from '../harness/browser.ts';
import { startCluster } from '../harness/real-cluster.ts';

const server = fileURLToPath(new URL('../../examples/05-browser/serve.js', import.meta.url));

test('the example page shows keys live in a browser, writes one, and survives its member', {
  skip: noBrowser,
}, async (t) => {
  const pages = spawn(process.execPath, [server], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => pages.kill());
  const [line] = await once(createInterface({ input: pages.stdout }), 'line');
  const origin = new URL(String(line)).origin;
  const cluster = await startCluster(t, 1, ['--allow-origin', origin]);
  const [member] = cluster.members;
  assert.ok(member !== undefined);
  await using client = new Client({ endpoints: cluster.endpoints });
  await client.put('config/color', 'blue');
  const browser = await openBrowser();
  t.after(() => browser.close());
  const page = await browser.newPage();
  const seen = record(page);
  await page.goto(`${origin}/?member=${member.address}`);
  await page.getByText('color = blue').waitFor();
  await client.put('config/color', 'red');
  await page.getByText('color = red').waitFor();
  await page.getByLabel('Key').fill('size');
  await page.getByLabel('Value').fill('<b>large</b>');
  await page.getByRole('button', { name: 'Put' }).click();
  await page.getByText('size = <b>large</b>').waitFor();
  assert.equal((await client.get('config/size'))?.value, '<b>large</b>');
  await client.delete('config/color');
  await page.getByText('color =').waitFor({ state: 'detached' });
  assert.deepEqual(
    seen.complaints.filter((one) => !/favicon|404/.test(one)),
    [],
  );
  await member.kill();
  await page.getByText(/^connecting/).waitFor();
  member.start();
  await member.ready();
  await client.put('config/after', 'the restart');
  await page.getByText('after = the restart').waitFor();
});
