import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { op } from '@lockstep/client';
import {
  Coordinator,
  FleetKeys,
  type HistoryEntry,
  type HistoryKind,
  historyKinds,
} from '@lockstep/reboot-coordinator';
import {
  type Notification,
  Notifier,
  type NotifierOptions,
  notifiedKinds,
} from '@lockstep/reboot-coordinator/node';
import { CommandedMember } from '../harness/commanded-member.ts';

/** A receiver of webhooks that answers as it is told, and keeps what it was sent. */
class Receiver {
  readonly got: Notification[] = [];
  readonly heads: IncomingMessage[] = [];
  /** The status of the next answers, and 204 when there are no more; 0 says nothing at all. */
  answers: number[] = [];
  readonly #server: Server;
  #news = (): void => {};

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(t: TestContext): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on('request', (request, response) => {
      request.setEncoding('utf8');
      let text = '';
      request.on('data', (part: string) => {
        text += part;
      });
      request.on('end', () => {
        receiver.heads.push(request);
        receiver.got.push(JSON.parse(text));
        const status = receiver.answers.shift() ?? 204;
        const moved = status === 302 ? { location: '/elsewhere' } : {};
        if (status !== 0) response.writeHead(status, moved).end();
        receiver.#news();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(async () => {
      server.closeAllConnections();
      server.close();
    });
    return receiver;
  }

  get url(): string {
    // A server that listens on TCP has an address of this shape.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  /** Resolves when it was sent so many. */
  async count(count: number): Promise<void> {
    while (this.got.length < count) {
      await new Promise<void>((resolve) => {
        this.#news = resolve;
      });
    }
  }
}

describe('the notifier', () => {
  const member = new CommandedMember();

  /** A fleet of its own, with a notifier that may be stopped and started again. */
  class Story {
    readonly fleet = member.newName('fleet');
    readonly keys = new FleetKeys(this.fleet);
    readonly troubles: string[] = [];
    #at = 0;

    /** Writes rows of the history, all at one revision. */
    async happens(...kinds: readonly (HistoryKind | Partial<HistoryEntry>)[]): Promise<void> {
      await member.client.txn({
        success: kinds.map((given) => {
          const at = ++this.#at;
          const about = typeof given === 'string' ? { kind: given } : given;
          const entry = { kind: 'done', at, by: 'tester', host: `h${at}`, group: 'web', ...about };
          const key = `${this.keys.history}${String(at).padStart(15, '0')}`;
          return op.put(key, JSON.stringify(entry));
        }),
      });
    }

    start(t: TestContext, urls: readonly string[], options: Partial<NotifierOptions> = {}) {
      const over = new AbortController();
      const notifier = new Notifier(member.client, {
        ...{ fleet: this.fleet, urls, backoffMs: 20, backoffMaxMs: 40 },
        onTrouble: (message) => this.troubles.push(message),
        ...options,
      });
      const done = notifier.run(over.signal);
      const stop = async (): Promise<void> => {
        over.abort();
        await done;
      };
      t.after(stop);
      return { notifier, stop };
    }

    /** Resolves when so many webhooks have a cursor, and what happens from then on is told. */
    async begun(webhooks: number): Promise<void> {
      await this.#until(this.keys.allNotified, (values) => values.length === webhooks);
    }

    /** Resolves when the cursors have come as far as the last row. */
    async told(): Promise<void> {
      const { kvs } = await member.client.range({ prefix: this.keys.history });
      const newest = Math.max(...kvs.map(({ modRevision }) => modRevision));
      await this.#until(this.keys.allNotified, (values) =>
        values.every((value) => JSON.parse(value).revision >= newest),
      );
    }

    async rows(atMost: number): Promise<void> {
      await this.#until(this.keys.history, (values) => values.length <= atMost);
    }

    async #until(prefix: string, is: (values: readonly string[]) => boolean): Promise<void> {
      const watch = member.client.watch({ prefix });
      await watch.ready();
      const isSo = async (): Promise<boolean> =>
        is((await member.client.range({ prefix })).kvs.map(({ value }) => value));
      if (await isSo()) return;
      for await (const _ of watch) if (await isSo()) return;
    }
  }

  test('each kind that matters is sent once, in order, as documented, and no other', async (t) => {
    const [story, receiver] = [new Story(), await Receiver.start(t)];
    const { notifier } = story.start(t, [receiver.url]);
    await story.begun(1);
    await story.happens(...historyKinds);
    await story.told();
    assert.deepEqual(
      receiver.got.map(({ kind }) => kind),
      historyKinds.filter((kind) => notifiedKinds.includes(kind)),
    );
    const failed = {
      kind: 'failed',
      name: 'web-1',
      grant: '7',
      version: 'v2',
      reason: 'no',
    } as const;
    await story.happens(failed);
    await story.told();
    const at = historyKinds.length + 1;
    assert.deepEqual(receiver.got.at(-1), {
      id: `${story.keys.history}${String(at).padStart(15, '0')}`,
      fleet: story.fleet,
      text: 'web-1 (web) failed to reboot: no',
      at: new Date(at).toISOString(),
      ...{ by: 'tester', host: `h${at}`, group: 'web', ...failed },
    });
    const [head] = receiver.heads;
    assert.deepEqual(
      [head?.method, head?.url, head?.headers['content-type']],
      ['POST', '/hook', 'application/json'],
    );
    assert.deepEqual(notifier.counts, {
      sent: receiver.got.length,
      failed: 0,
      refused: 0,
      lost: 0,
    });
  });

  test('a receiver that fails gets the same again, and then the next', async (t) => {
    const [story, receiver] = [new Story(), await Receiver.start(t)];
    receiver.answers = [500, 503, 429, 408];
    const { notifier } = story.start(t, [receiver.url]);
    await story.begun(1);
    await story.happens('granted', 'done');
    await story.told();
    const [first, second] = [receiver.got[0]?.id, receiver.got.at(-1)?.id];
    assert.notEqual(first, second);
    assert.deepEqual(
      receiver.got.map(({ id }) => id),
      [first, first, first, first, first, second],
    );
    assert.deepEqual(notifier.counts, { sent: 2, failed: 4, refused: 0, lost: 0 });
    assert.match(
      story.troubles.join(),
      /notification of "granted" to http:.*tried again.*answered 500/,
    );
    assert.doesNotMatch(story.troubles.join(), /hook/, 'the path may be a secret');
  });

  test('a receiver that says nothing is given up in time, and asked again', async (t) => {
    const [story, receiver] = [new Story(), await Receiver.start(t)];
    receiver.answers = [0];
    const { notifier } = story.start(t, [receiver.url], { timeoutMs: 50 });
    await story.begun(1);
    await story.happens('granted');
    await story.told();
    assert.deepEqual(notifier.counts, { sent: 1, failed: 1, refused: 0, lost: 0 });
  });

  test('a message that is refused for good is dropped and counted, and a redirect is not followed', async (t) => {
    const [story, receiver] = [new Story(), await Receiver.start(t)];
    receiver.answers = [404, 302];
    const { notifier } = story.start(t, [receiver.url]);
    await story.begun(1);
    await story.happens('granted', 'done', 'failed');
    await story.told();
    assert.deepEqual(
      receiver.got.map(({ kind }) => kind),
      ['granted', 'done', 'failed'],
    );
    assert.deepEqual(notifier.counts, { sent: 1, failed: 2, refused: 2, lost: 0 });
  });

  test('a dead webhook keeps nothing from the others, nor the row that nobody can read', async (t) => {
    const [story, receiver] = [new Story(), await Receiver.start(t)];
    const dead = createServer();
    dead.listen(0, '127.0.0.1');
    await once(dead, 'listening');
    const { port } = dead.address() as AddressInfo;
    dead.close();
    await once(dead, 'close');
    story.start(t, [`http://127.0.0.1:${port}/`, receiver.url]);
    await story.begun(2);
    await member.client.put(`${story.keys.history}0`, 'not a row');
    await story.happens('granted');
    await receiver.count(1);
    await story.happens('done');
    await receiver.count(2);
    assert.deepEqual(
      receiver.got.map(({ kind }) => kind),
      ['granted', 'done'],
    );
  });

  test('whoever takes over goes on where the last one was', async (t) => {
    const [story, receiver] = [new Story(), await Receiver.start(t)];
    const first = story.start(t, [receiver.url]);
    await story.begun(1);
    await story.happens('granted');
    await story.told();
    await first.stop();
    await story.happens('done', 'failed');
    await story.happens('overdue');
    story.start(t, [receiver.url]);
    await receiver.count(4);
    await story.told();
    assert.deepEqual(
      receiver.got.map(({ kind }) => kind),
      ['granted', 'done', 'failed', 'overdue'],
    );
  });

  test('of several processes with one URL, one sends', async (t) => {
    const [story, receiver] = [new Story(), await Receiver.start(t)];
    for (let process = 0; process < 3; process++) story.start(t, [receiver.url]);
    await story.begun(1);
    for (let round = 0; round < 5; round++) await story.happens('granted');
    await story.told();
    assert.equal(receiver.got.length, 5);
  });

  test('a new webhook is told what happens from then on, however many rows a revision has', async (t) => {
    const [story, receiver] = [new Story(), await Receiver.start(t)];
    await story.happens('granted', 'done');
    const { stop } = story.start(t, [receiver.url]);
    await story.begun(1);
    await stop();
    // More than one page, whose end falls into a revision.
    for (let round = 0; round < 3; round++) {
      await story.happens(...Array.from({ length: 90 }, (): HistoryKind => 'failed'));
    }
    story.start(t, [receiver.url]);
    await receiver.count(270);
    await story.told();
    assert.equal(new Set(receiver.got.map(({ id }) => id)).size, 270);
    assert.equal(receiver.got.length, 270);
  });

  test('what was trimmed before it was told is counted', async (t) => {
    const [story, receiver] = [new Story(), await Receiver.start(t)];
    const first = story.start(t, [receiver.url]);
    await story.begun(1);
    await first.stop();
    for (let round = 0; round < 10; round++) await story.happens('granted');
    const over = new AbortController();
    const coordinator = new Coordinator(member.client, { fleet: story.fleet, historyMax: 3 });
    const done = coordinator.run(over.signal);
    await story.rows(3);
    over.abort();
    await done;
    const { notifier } = story.start(t, [receiver.url]);
    await receiver.count(3);
    await story.told();
    assert.equal(receiver.got.length, 3);
    assert.deepEqual(notifier.counts, { sent: 3, failed: 0, refused: 0, lost: 7 });
  });

  test('what is no webhook is refused with what would be right', () => {
    for (const [url, why] of [
      ['hooks.example', /"hooks\.example" is no URL; write for example https:/],
      ['ftp://hooks.example/', /has http or https, not ftp:/],
      ['https://me:secret@hooks.example/', /no user and password/],
    ] as const) {
      assert.throws(() => new Notifier(member.client, { urls: [url] }), why);
    }
    const twice = ['https://hooks.example/1', 'https://hooks.example/1'];
    assert.throws(() => new Notifier(member.client, { urls: twice }), /named twice/);
  });
});
