import type { TestContext } from 'node:test';
import { Client, type ClientOptions, type Watch, type WatchEvent } from '@lockstep/client';
import { FakeMember } from './fake-member.ts';
import { FakeReplies } from './fake-methods.ts';
import { FakeStore } from './fake-store.ts';

type StartOptions = Parameters<typeof FakeMember.start>[0];

export async function startMember(
  context: TestContext,
  options: StartOptions = {},
): Promise<FakeMember> {
  const member = await FakeMember.start(options);
  context.after(() => member.stop());
  return member;
}

/** Two members of one cluster. */
export async function startPair(context: TestContext): Promise<[FakeMember, FakeMember]> {
  const cluster = { store: new FakeStore(), replies: new FakeReplies() };
  return [
    await startMember(context, { ...cluster, memberId: '1' }),
    await startMember(context, { ...cluster, memberId: '2' }),
  ];
}

/** Reconnects without waiting, so that no test depends on time. */
export const swift = { connection: { baseMs: 1, capMs: 1 }, learnEndpoints: false };

export function connect(
  context: TestContext,
  members: FakeMember | readonly FakeMember[],
  options: ClientOptions = {},
): Client {
  const list = members instanceof FakeMember ? [members] : members;
  const endpoints = list.map(({ address }) => address);
  const client = new Client({ endpoints, ...swift, ...options });
  // A test's own clock may stand still, and then nothing drains.
  context.after(() => client.close({ drainMs: 0 }));
  return client;
}

/** The next `count` events as "type key=value@revision". */
export async function take(watch: AsyncIterator<WatchEvent>, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) {
    const { value, done } = await watch.next();
    if (done) break;
    const event: WatchEvent = value;
    taken.push(`${event.type} ${event.kv.key}=${event.kv.value}@${event.revision}`);
  }
  return taken;
}

export function iterate(watch: Watch): AsyncIterator<WatchEvent> {
  return watch[Symbol.asyncIterator]();
}
