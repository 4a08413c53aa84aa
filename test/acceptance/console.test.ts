/** The console page of a real member in a real browser, beside another client that writes. */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { Client, op } from '@lockstep/client';
import type { BrowserContext, Page } from 'playwright-core';
import { noBrowser, openBrowser, type PageRecord, record } from '../harness/browser.ts';
import { freePortRun, Program, temporaryDirectory } from '../harness/processes.ts';

describe('the console page', { skip: noBrowser }, () => {
  let port = 0;
  let member: Program;
  let client: Client;
  let browser: BrowserContext;
  const dataDir = temporaryDirectory();
  const origin = () => `http://127.0.0.1:${port}`;

  const serve = async () => {
    const args = ['--listen', `127.0.0.1:${port}`, '--peer-listen', `127.0.0.1:${port + 1}`];
    member = new Program(['serve', ...args, '--data-dir', dataDir], {
      variables: { LOCKSTEP_WAL_SEGMENT_BYTES: '1048576' },
    });
    await member.serving;
  };

  before(async () => {
    port = await freePortRun(2);
    await serve();
    client = new Client({ endpoints: origin() });
    browser = await openBrowser();
    browser.setDefaultTimeout(10_000);
  });
  after(async () => {
    await browser?.close();
    await client?.close();
    member?.kill('SIGKILL');
    await member?.exited;
  });

  /** A page that has listed the keys with a prefix, and is held to its own origin and to silence. */
  async function openPage(
    t: TestContext,
    { prefix = '', complaints = [] as RegExp[] } = {},
  ): Promise<{ page: Page; seen: PageRecord }> {
    const page = await browser.newPage();
    const seen = record(page);
    t.after(async () => {
      await page.close();
      const unexpected = seen.complaints.filter((one) => !complaints.some((ok) => ok.test(one)));
      assert.deepEqual(unexpected, []);
      const host = `127.0.0.1:${port}`;
      assert.ok(seen.addresses.includes(`ws://${host}/v1/ws`), 'it speaks the WebSocket');
      assert.deepEqual(
        seen.addresses.filter((url) => new URL(url).host !== host),
        [],
      );
    });
    await page.goto(origin());
    await page.getByText('Connected', { exact: true }).waitFor();
    await page.getByLabel('Prefix').fill(prefix);
    if (prefix !== '') await page.locator('.events h2').getByText(`of ${prefix}`).waitFor();
    await page
      .locator('#key-count')
      .getByText(/ keys?\b/)
      .waitFor();
    return { page, seen };
  }

  const option = (page: Page, name: string) => page.getByRole('option', { name, exact: true });

  test('shows keys, values and events of another client as they happen', async (t) => {
    await client.put('live/a', 'first');
    const { page } = await openPage(t, { prefix: 'live/' });
    await option(page, 'live/a').click();
    await page.locator('#value').getByText('first').waitFor();
    await client.put('live/b', 'x');
    await option(page, 'live/b').waitFor();
    await client.put('live/a', '{"second":2}');
    await page.locator('#value').getByText('"second": 2').waitFor();
    await client.delete('live/b');
    await option(page, 'live/b').waitFor({ state: 'detached' });
    assert.equal(await page.locator('#key-count').innerText(), '1 key');
    const words = await page.locator('.log .what').allInnerTexts();
    assert.deepEqual(words, ['delete', 'put', 'create']);
    await page.getByText('member', { exact: true }).waitFor();
    await client.delete('live/a');
    await page.getByText('This key does not exist.').waitFor();
  });

  test('edits a value, which keeps its lease', async (t) => {
    const { id } = await client.leases.grant({ ttl: 600 });
    await client.put('edit/a', '{"n":12345678901234567890}', { lease: id });
    const { page } = await openPage(t, { prefix: 'edit/' });
    await option(page, 'edit/a').click();
    await page.getByRole('button', { name: 'Edit' }).click();
    const draft = page.locator('#draft');
    assert.equal(await draft.inputValue(), '{\n  "n": 12345678901234567890\n}');
    await draft.fill('{"n": 1');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText(/This is not JSON/).waitFor();
    assert.equal((await client.get('edit/a'))?.version, 1);
    await draft.fill('{"n": 12345678901234567891}');
    await page.getByRole('button', { name: 'Save' }).click();
    await draft.waitFor({ state: 'detached' });
    const kv = await client.get('edit/a');
    assert.deepEqual([kv?.value, kv?.lease], ['{"n":12345678901234567891}', id]);
  });

  test('shows a conflict and overwrites nothing until it is told to', async (t) => {
    await client.put('conflict/a', 'old');
    const { page } = await openPage(t, { prefix: 'conflict/' });
    await option(page, 'conflict/a').click();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.locator('#draft').fill('mine');
    await client.put('conflict/a', 'theirs');
    const conflict = page.locator('#conflict');
    await conflict.getByText(/Conflict: this key was written at revision/).waitFor();
    await conflict.getByText('theirs', { exact: true }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Save' }).isDisabled(), true);
    assert.equal(await page.locator('#draft').inputValue(), 'mine');
    assert.equal((await client.get('conflict/a'))?.value, 'theirs');
    await page.getByRole('button', { name: /Keep my text/ }).click();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('#draft').waitFor({ state: 'detached' });
    assert.equal((await client.get('conflict/a'))?.value, 'mine');
  });

  test('does not overwrite what was written before its watch could tell', async (t) => {
    await client.put('race/a', 'old');
    const { page } = await openPage(t, { prefix: 'race/' });
    await option(page, 'race/a').click();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.locator('#draft').fill('mine');
    // In one turn of the page's event loop: it saves and cannot have heard of the other write.
    const save = await page.getByRole('button', { name: 'Save' }).elementHandle();
    const stalled = page.evaluate(
      async ([button, url]) => {
        const request = new XMLHttpRequest();
        request.open('PUT', `${url}/v1/kv/race/a`, false);
        request.send('theirs');
        if (button instanceof HTMLElement) button.click();
        return request.status;
      },
      [save, origin()] as const,
    );
    assert.equal(await stalled, 200);
    await page.locator('#conflict').getByText('theirs', { exact: true }).waitFor();
    assert.equal((await client.get('race/a'))?.value, 'theirs');
  });

  test('creates a key, refuses what exists or is no value, and deletes after a question', async (t) => {
    await client.put('new/taken', 'old');
    const { page } = await openPage(t, { prefix: 'new/' });
    await option(page, 'new/taken').waitFor();
    await page.getByRole('button', { name: 'New key' }).click();
    const key = page.getByRole('textbox', { name: 'Key' });
    assert.equal(await key.inputValue(), 'new/');
    await key.fill('');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText('A key has at least one character.').waitFor();
    await key.fill('new/taken');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText(/This key exists already/).waitFor();
    assert.equal((await client.get('new/taken'))?.value, 'old');
    await key.fill('new/bytes');
    await page.getByText('Hex', { exact: true }).click();
    await page.locator('#new-value').fill('ff 0');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText(/the number of digits here is odd/).waitFor();
    await page.locator('#new-value').fill('ff 00');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.locator('#value').getByText('ff 00').waitFor();
    assert.deepEqual((await client.get('new/bytes'))?.valueBytes, Uint8Array.of(255, 0));
    await page.getByRole('button', { name: 'Delete…' }).click();
    assert.equal((await client.get('new/bytes'))?.version, 1);
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('This key does not exist.').waitFor();
    assert.equal(await client.get('new/bytes'), undefined);
  });

  test('shows earlier versions until they are compacted', async (t) => {
    for (const value of ['one', 'two', 'three', 'four']) await client.put('history/a', value);
    const { modRevision = 0 } = (await client.get('history/a')) ?? {};
    await client.compact(modRevision - 2);
    const { page } = await openPage(t, { prefix: 'history/' });
    await option(page, 'history/a').click();
    await page.getByRole('button', { name: 'Show earlier versions' }).click();
    await page.getByText('Older versions are compacted away.').waitFor();
    assert.deepEqual(await page.locator('.history td.cut').allInnerTexts(), ['three', 'two']);
    await page.getByRole('button', { name: `Show revision ${modRevision - 2}` }).click();
    await page.locator('#value').getByText('two', { exact: true }).waitFor();
    await page.getByText(/An earlier version/).waitFor();
  });

  test('is used with the keyboard alone', async (t) => {
    for (const name of ['a', 'b', 'c']) await client.put(`keyboard/${name}`, `value ${name}`);
    const { page } = await openPage(t);
    const focused = () => page.evaluate(() => document.activeElement?.id);
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await page.keyboard.press('/');
    await page.waitForFunction(() => document.activeElement?.id === 'prefix');
    await page.keyboard.type('keyboard/');
    await page.locator('#key-count').getByText('3 keys').waitFor();
    await page.keyboard.press('ArrowDown');
    assert.equal(await focused(), 'key-rows');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.locator('#value').getByText('value b').waitFor();
    const list = page.getByRole('listbox', { name: 'Keys' });
    assert.equal(await list.getAttribute('aria-activedescendant'), 'key-1');
    await page.keyboard.press('End');
    await page.locator('#value').getByText('value c').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.id === 'key-title');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'edit');
    const outline = await page.evaluate(
      () => getComputedStyle(document.activeElement ?? document.body).outlineStyle,
    );
    assert.equal(outline, 'solid', 'the focus can be seen');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.id === 'draft');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('typed');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#draft').inputValue(), 'typed', 'Escape drops no text');
    await page.keyboard.press('Control+Enter');
    await page.locator('#value').getByText('typed').waitFor();
    assert.equal((await client.get('keyboard/c'))?.value, 'typed');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.activeElement?.id === 'key-rows');
  });

  test('shows leases, and revokes one after a question', async (t) => {
    const { id } = await client.leases.grant({ ttl: 500 });
    await client.put('lease/a', '1', { lease: id });
    const { page } = await openPage(t, { prefix: 'lease/' });
    await page.getByRole('link', { name: 'Leases' }).click();
    const card = page.locator('.card', { hasText: id });
    await card.getByText(/left of 8 min/).waitFor();
    await card.getByRole('button', { name: 'lease/a' }).waitFor();
    await card.getByRole('button', { name: `Revoke lease ${id}` }).click();
    await card.getByText('1 key will be deleted with it.').waitFor();
    assert.equal((await client.get('lease/a'))?.value, '1');
    await card.getByRole('button', { name: 'Revoke', exact: true }).click();
    await card.waitFor({ state: 'detached' });
    assert.equal(await client.get('lease/a'), undefined);
  });

  test('shows the members and the state of its own', async (t) => {
    const { page } = await openPage(t);
    await page.getByRole('link', { name: 'Members' }).click();
    const card = page.locator('.card', { hasText: 'this member' });
    await card.getByText('leader', { exact: true }).waitFor();
    await card.getByText(`127.0.0.1:${port}`, { exact: true }).waitFor();
    const { raftTerm } = await client.status();
    const facts = await page.locator('.columns').innerText();
    assert.match(facts, new RegExp(`Term\\s+${raftTerm}\\b`));
    assert.match(facts, /State\s+[\d.]+ \w+ of [\d.]+ GiB/);
  });

  test('takes keys and values for text, whatever they say', async (t) => {
    const markup = '<script>document.title = "owned"</script><img src=x onerror="owned()">';
    await client.put(`inert/${markup}`, markup);
    const { page } = await openPage(t, { prefix: 'inert/' });
    await option(page, `inert/${markup}`).click();
    await page.locator('#value').waitFor();
    assert.equal(await page.locator('#value').innerText(), markup);
    await client.put(`inert/${markup}`, `${markup}!`);
    await page.locator('.log .preview').getByText(`${markup}!`).waitFor();
    assert.deepEqual(
      await page.evaluate(() => [document.scripts.length, document.querySelectorAll('img').length]),
      [1, 1],
    );
    assert.doesNotMatch(await page.title(), /owned/);
  });

  test('pauses the events, and shows what it missed when it goes on', async (t) => {
    const { page } = await openPage(t, { prefix: 'pause/' });
    await page.locator('#key-count').getByText('0 keys', { exact: true }).waitFor();
    await client.put('pause/a', 'seen');
    await page.locator('.log .preview').getByText('seen').waitFor();
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await client.put('pause/a', 'missed');
    await page.getByText('Paused, 1 event since.').waitFor();
    assert.equal(await page.locator('.log li').count(), 1);
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.locator('.log .preview').getByText('missed').waitFor();
  });

  test('lists thousands of keys and draws only those in sight', async (t) => {
    const count = 30_000;
    const write = (from: number) =>
      client.txn({
        success: Array.from({ length: 100 }, (_, at) => ({
          key: `many/${100_000 + from + at}`,
        })).map(({ key }) => op.put(key, '')),
      });
    for (let from = 0; from < count; from += 2_000) {
      await Promise.all(Array.from({ length: 20 }, (_, at) => write(from + at * 100)));
    }
    const { page } = await openPage(t, { prefix: 'many/' });
    await page
      .locator('#key-count')
      .getByText(/^30,000 keys, 10,000 more than listed/)
      .waitFor();
    assert.ok((await page.getByRole('option').count()) < 100);
    await page.locator('#key-rows').focus();
    await page.keyboard.press('End');
    await option(page, 'many/119999').waitFor();
    await client.put('many/000', '');
    await page
      .locator('#key-count')
      .getByText(/^30,001 keys/)
      .waitFor();
    await client.delete({ prefix: 'many/' });
    await page.locator('#key-count').getByText('0 keys', { exact: true }).waitFor();
  });

  test('follows the colour scheme, and fits 360 pixels', async (t) => {
    await client.put('look/a', 'x'.repeat(500));
    const { page } = await openPage(t, { prefix: 'look/' });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await ground();
    await page.emulateMedia({ colorScheme: 'dark' });
    const dark = await ground();
    const brightness = (colour: string) =>
      (colour.match(/\d+/g) ?? []).reduce((sum, one) => sum + Number(one), 0);
    assert.ok(brightness(light) > 700 && brightness(dark) < 100, `${light} ${dark}`);
    await page.setViewportSize({ width: 360, height: 640 });
    const width = () => page.evaluate(() => document.documentElement.scrollWidth);
    await option(page, 'look/a').click();
    await page.locator('#value').waitFor();
    assert.equal(await width(), 360);
    await page.getByRole('button', { name: '‹ Keys' }).click();
    await option(page, 'look/a').waitFor();
    for (const name of ['Events', 'Leases', 'Members', 'Keys']) {
      await page.getByRole('link', { name }).click();
      assert.equal(await width(), 360, name);
    }
  });

  test('says that the member is gone, and goes on when it is back', async (t) => {
    await client.put('kill/a', 'before');
    const { page } = await openPage(t, {
      prefix: 'kill/',
      complaints: [/ERR_CONNECTION_REFUSED|WebSocket connection to/],
    });
    await option(page, 'kill/a').click();
    await page.locator('#value').getByText('before').waitFor();
    member.kill('SIGKILL');
    await member.exited;
    await page.getByText(/Disconnected from this member since/).waitFor();
    await page.locator('#connection').getByText('Disconnected', { exact: true }).waitFor();
    assert.ok((await page.locator('body').getAttribute('class'))?.includes('stale'));
    assert.equal(await page.locator('#value').innerText(), 'before', 'what was there stays');
    await serve();
    await client.put('kill/a', 'after', { timeoutMs: 15_000 });
    await client.put('kill/b', 'new');
    await page.locator('#value').getByText('after').waitFor();
    await option(page, 'kill/b').waitFor();
    await page.locator('#connection').getByText('Connected', { exact: true }).waitFor();
    assert.equal((await page.locator('body').getAttribute('class'))?.includes('stale'), false);
  });
});
