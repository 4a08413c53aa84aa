/** The fleet on the console page of a real member, in a real browser, beside a client that writes its records. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, type TestContext, test } from 'node:test';
import { Client, op } from '@lockstep/client';
import { FleetKeys, type HostRecord } from '@lockstep/reboot-coordinator/policy';
import type { BrowserContext, Page } from 'playwright-core';
import { noBrowser, openBrowser, record } from '../harness/browser.ts';
import { freePortRun, Program, temporaryDirectory } from '../harness/processes.ts';

describe('the fleet on the console page', { skip: noBrowser }, () => {
  let origin = '';
  let member: Program;
  let client: Client;
  let browser: BrowserContext;
  const keys = new FleetKeys();

  before(async () => {
    const port = await freePortRun(2);
    origin = `http://127.0.0.1:${port}`;
    const args = ['--listen', `127.0.0.1:${port}`, '--peer-listen', `127.0.0.1:${port + 1}`];
    member = new Program(['serve', ...args, '--data-dir', temporaryDirectory()]);
    await member.serving;
    client = new Client({ endpoints: origin });
    browser = await openBrowser();
    browser.setDefaultTimeout(10_000);
  });
  beforeEach(() => client.delete({ prefix: keys.root }));
  after(async () => {
    await browser?.close();
    await client?.close();
    member?.kill('SIGKILL');
    await member?.exited;
  });

  /** The fleet's view, held to silence. */
  async function openFleet(t: TestContext): Promise<Page> {
    const page = await browser.newPage();
    const { complaints } = record(page);
    t.after(async () => {
      await page.close();
      assert.deepEqual(complaints, []);
    });
    await page.goto(`${origin}/#fleet`);
    await page.getByText('Connected', { exact: true }).waitFor();
    return page;
  }

  const cell = (page: Page, name: string) => page.getByRole('button', { name: new RegExp(name) });
  const group = (page: Page, name: string) => page.getByRole('region', { name: `Group ${name}` });
  const details = (page: Page) => page.getByRole('region', { name: 'Host', exact: true });

  const hostOf = (id: string, more: Partial<HostRecord> = {}): HostRecord => ({
    ...{ id, group: 'web', via: 'agent', state: 'idle', since: Date.now(), version: '6.1' },
    ...more,
  });
  const writeHost = (host: HostRecord) => client.put(keys.host(host.id), JSON.stringify(host));
  const wish = { at: Date.now(), reason: 'linux-image-6.2', isAsking: true };

  async function register(...hosts: HostRecord[]): Promise<void> {
    await client.put(keys.group('web'), '{"limit":{"count":1}}');
    for (const host of hosts) {
      await client.put(keys.alive(host.id), '{"bootId":"boot-1","instance":"run-1"}');
      await writeHost(host);
    }
  }

  test('says how to begin while there is none, and shows the first host as it comes', async (t) => {
    const page = await openFleet(t);
    await page.getByText('lockstep reboot groups set web --limit 1').waitFor();
    await register(hostOf('web-1'));
    await cell(page, 'web-1 idle').waitFor();
    assert.equal(await page.getByText('lockstep reboot groups set').count(), 0);
  });

  test('a cell changes its state as the records do, and says why its host waits', async (t) => {
    const request = { ...wish, target: '6.2' };
    await register(hostOf('web-1'), hostOf('web-2', { state: 'waiting', request }));
    const page = await openFleet(t);
    await cell(page, 'web-1 idle').waitFor();
    await cell(page, 'web-2 waiting').click();
    await details(page).getByText('it is next').waitFor();
    const grant = { id: 'grant-7', at: Date.now(), startBy: Date.now() + 300_000 };
    await writeHost(hostOf('web-1', { state: 'granted', request, grant }));
    await group(page, 'web').getByText('1 of 1 slot taken').waitFor();
    await details(page)
      .getByText('the group "web" has 1 of 1 slots (1) taken', { exact: true })
      .waitFor();
    for (const state of ['draining', 'rebooting', 'verifying', 'overdue', 'failed'] as const) {
      await writeHost(hostOf('web-1', { state, request, grant }));
      await cell(page, `web-1 ${state}`).waitFor();
    }
    await cell(page, 'web-1').click();
    await details(page).getByText('grant-7').waitFor();
    await writeHost(hostOf('web-1', { state: 'done', version: '6.2' }));
    await cell(page, 'web-1 done 0 s 6.2').waitFor();
    await details(page).getByText('grant-7').waitFor({ state: 'detached' });
    await client.delete(keys.host('web-1'));
    await cell(page, 'web-1').waitFor({ state: 'detached' });
    await details(page).getByText('This host is not registered any more.').waitFor();
  });

  test('a group tells what holds it, and a cell what is the matter with its host', async (t) => {
    const loop = { cause: '6.2', boots: 3 };
    await register(hostOf('web-1'), hostOf('web-2', { state: 'waiting', request: wish, loop }));
    const page = await openFleet(t);
    await cell(page, 'web-2 waiting .*quarantined').waitFor();
    const order = JSON.stringify({ by: 'ann', reason: 'holiday', at: Date.now() });
    await client.put(keys.groupPause('web'), order);
    await group(page, 'web').getByText('paused by ann: holiday').waitFor();
    await client.put(keys.breaker('web'), '{}');
    await group(page, 'web').getByText('breaker open', { exact: true }).waitFor();
    const soon = new Date(Date.now() + 48 * 3_600_000).toISOString().slice(0, 10);
    const windows = [`${soon} 02:00 .. ${soon} 04:00`];
    await client.put(keys.group('web'), JSON.stringify({ limit: { count: 1 }, windows }));
    await group(page, 'web')
      .getByText(/^window closed until \w{3}/)
      .waitFor();
    await client.put(keys.hostPause('web-1'), order);
    await cell(page, 'web-1 idle .*paused').waitFor();
    await client.delete(keys.alive('web-1'));
    await cell(page, 'web-1 idle .*agent not connected .*paused').waitFor();
    await client.put(keys.host('odd'), 'no JSON');
    await page.getByText(/reboot\/hosts\/odd cannot be read/).waitFor();
  });

  test('is used with the keyboard alone', async (t) => {
    await register(...Array.from({ length: 30 }, (_, at) => hostOf(`web-${at + 1}`)));
    await writeHost(hostOf('db-1', { group: 'db' }));
    const page = await openFleet(t);
    await cell(page, 'web-30').waitFor();
    const focused = () =>
      page.evaluate(() => (document.activeElement as HTMLElement).dataset.host ?? '');
    const tabbed = page.locator('[data-host][tabindex="0"]');
    assert.equal(await tabbed.count(), 1);
    await tabbed.focus();
    assert.equal(await focused(), 'db-1');
    await details(page).getByRole('heading', { name: 'db-1' }).waitFor();
    await page.keyboard.press('PageDown');
    assert.equal(await focused(), 'web-1');
    await page.keyboard.press('ArrowRight');
    await details(page).getByRole('heading', { name: 'web-2' }).waitFor();
    const left = () =>
      page.evaluate(() => document.activeElement?.getBoundingClientRect().left ?? 0);
    const before = await left();
    await page.keyboard.press('ArrowDown');
    assert.notEqual(await focused(), 'web-3', 'it goes down and not on');
    assert.equal(await left(), before);
    await page.keyboard.press('ArrowUp');
    assert.equal(await focused(), 'web-2');
    await page.keyboard.press('End');
    assert.equal(await focused(), 'web-30');
    await page.keyboard.press('Escape');
    await page.getByText('Choose a host to see').waitFor();
    assert.equal(await focused(), 'web-30', 'the place in the grid is kept');
  });

  test('shows only the hosts with one sign when asked to', async (t) => {
    await register(hostOf('web-1'), hostOf('web-2', { state: 'waiting', request: wish }));
    const page = await openFleet(t);
    const only = page.getByRole('group', { name: 'Show only' });
    await only.getByRole('button', { name: /^waiting 1$/ }).click();
    await cell(page, 'web-1').waitFor({ state: 'detached' });
    assert.equal(await page.locator('[data-host]').count(), 1);
    await writeHost(hostOf('web-1', { state: 'waiting', request: wish }));
    await cell(page, 'web-1 waiting').waitFor();
    await only.getByRole('button', { name: /^waiting 2$/ }).click();
    assert.equal(await only.getByRole('button', { pressed: true }).count(), 0);
  });

  test('takes what hosts say of themselves for text, and fits 360 pixels', async (t) => {
    const markup = 'z<img src=x onerror="document.title=1">';
    const request = { ...wish, reason: markup };
    const others = Array.from({ length: 11 }, (_, at) => hostOf(`web-${at + 1}`));
    const odd = hostOf('x'.repeat(80), { name: markup, state: 'waiting', request });
    await register(...others, odd);
    const page = await openFleet(t);
    await page.setViewportSize({ width: 360, height: 640 });
    await page.locator('[data-host]').last().click();
    await details(page).getByText(markup).first().waitFor();
    // The details stand below the grid here, and must not hide the cell that they are of.
    await page.waitForFunction(() => {
      const chosen = document.querySelector('[data-host][aria-current="true"]');
      const { left = 0, bottom = 0 } = chosen?.getBoundingClientRect() ?? {};
      return chosen?.contains(document.elementFromPoint(left + 20, bottom - 8)) === true;
    });
    assert.equal(await page.locator('img').count(), 1, 'the one of the page itself');
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  });

  test('follows a fleet of 5,000 hosts', async (t) => {
    const ids = Array.from({ length: 5_000 }, (_, at) => `h${at}`);
    const state = 'waiting';
    for (let at = 0; at < ids.length; at += 50) {
      const success = ids
        .slice(at, at + 50)
        .flatMap((id) => [
          op.put(keys.alive(id), '{"bootId":"b","instance":"i"}'),
          op.put(
            keys.host(id),
            JSON.stringify(hostOf(id, { group: `g${at % 2_500}`, state, request: wish })),
          ),
        ]);
      await client.txn({ success });
    }
    const page = await openFleet(t);
    await page.getByText('5,000 hosts', { exact: true }).waitFor({ timeout: 30_000 });
    const all = () => document.querySelectorAll('[data-host]').length === 5_000;
    await page.waitForFunction(all, undefined, { timeout: 30_000 });
    await writeHost(hostOf('h0', { group: 'g0', state: 'done' }));
    await page.locator('[data-host="h0"].done').waitFor();
  });
});
