import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Client } from '@lockstep/client';
import { Mirror, type MirrorOptions } from '@lockstep/redis';
import { createTestCluster, type TestCluster } from '@lockstep/server/testing';
import { GatedRedis, place, type RedisKind, type RedisPlace } from './redis.ts';

/** A store in virtual time beside a Redis, and mirrors between them. */
export interface MirrorScene extends RedisPlace {
  readonly cluster: TestCluster;
  /** Writes the store; no mirror uses it. */
  readonly client: Client;
  readonly gated: GatedRedis;
  /** Mirrors `config/` to the test's own keys, over a client of its own. */
  mirror(options?: Partial<MirrorOptions>, gated?: GatedRedis): Mirror;
  /** Lets virtual time pass, no faster than Redis answers, until a promise has settled or a condition holds. */
  reach(goal: Promise<unknown> | (() => boolean)): Promise<void>;
  /** What Redis has under the prefix, by the rest of the key. */
  shown(): Promise<Record<string, string | null>>;
}

export async function scene(t: TestContext, kind: RedisKind, members = 1): Promise<MirrorScene> {
  const { redis, own } = place(t, kind);
  const cluster = await createTestCluster({ members });
  t.after(() => cluster.close());
  const keyPrefix = `${own}:`;
  return {
    redis,
    own,
    cluster,
    client: cluster.client(),
    gated: new GatedRedis(redis),
    mirror(options = {}, gated) {
      const mirror = new Mirror(cluster.client(), gated ?? redis, {
        prefix: 'config/',
        keyPrefix,
        ...options,
      });
      t.after(() => mirror.close());
      return mirror;
    },
    async reach(goal) {
      let isThere = typeof goal === 'function' ? goal : () => false;
      if (typeof goal !== 'function') {
        const settle = (): void => {
          isThere = () => true;
        };
        goal.then(settle, settle);
      }
      for (let step = 0; step < stepsMax && !isThere(); step++) {
        await cluster.advance(stepMs);
        for (let at = 0; at < 3; at++) await redis.ping();
      }
      assert.ok(isThere(), 'nothing came of it');
      if (typeof goal !== 'function') await goal;
    },
    async shown() {
      const keys = (await redis.keys(`${keyPrefix}*`)).sort();
      const values = await Promise.all(
        keys.map(async (key) => ((await redis.type(key)) === 'string' ? redis.get(key) : null)),
      );
      return Object.fromEntries(
        keys.map((key, at) => [key.slice(keyPrefix.length), values[at] ?? null]),
      );
    },
  };
}

const stepMs = 50;
const stepsMax = 10_000;

export const revisionOf = async (
  written: Promise<{ header: { revision: number } }>,
): Promise<number> => (await written).header.revision;

/** Every revision that Redis is made to show from now on; `read` resolves when all is there that was written before. */
export async function record(
  t: TestContext,
  kind: RedisKind,
  markKey: string,
): Promise<{ read(): Promise<number[]> }> {
  const [subscriber, publisher] = [kind.connect(), kind.connect()];
  t.after(() => {
    subscriber.disconnect();
    publisher.disconnect();
  });
  const told: number[] = [];
  let ended = (): void => {};
  subscriber.on('message', (_channel: string, message: string) => {
    if (message === 'end') ended();
    else told.push(Number(message));
  });
  await subscriber.subscribe(markKey);
  return {
    async read() {
      const end = new Promise<void>((resolve) => {
        ended = resolve;
      });
      await publisher.publish(markKey, 'end');
      await end;
      return told;
    },
  };
}
