/** What the tests of `@lockstep/redis` are run on: the mock in this process, or a real server. */
import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { OriginRedis, RedisConnection } from '@lockstep/redis';
import type { Redis } from 'ioredis';

/** One kind of Redis under the tests. */
export interface RedisKind {
  readonly name: string;
  /**
   * A server is Redis. The mock lacks keys that are no text, errors for the wrong kind of value, escapes in patterns, and
   * connections with a prefix beside others.
   */
  readonly isServer: boolean;
  connect(options?: { readonly keyPrefix?: string }): Redis;
}

export interface RedisPlace {
  readonly redis: Redis;
  /** Keys that begin so are this test's alone; they are deleted at its end. */
  readonly own: string;
}

export function place(t: TestContext, kind: RedisKind): RedisPlace {
  const redis = kind.connect();
  const own = `lockstep-test-${randomUUID()}`;
  t.after(async () => {
    const keys = await redis.keys(`*${own}*`);
    if (keys.length > 0) await redis.del(...keys);
    redis.disconnect();
  });
  return { redis, own };
}

/** A Redis whose transactions wait, or whose connections fail, when a test says so. */
export class GatedRedis implements OriginRedis {
  readonly options: NonNullable<OriginRedis['options']>;
  readonly #redis: OriginRedis;
  readonly #connections = new Set<RedisConnection>();
  /** How many of the next connections fail. */
  failures = 0;
  /** Keys that every scan gives as well, as one would that reads a pattern in another way. */
  readonly scanned: Buffer[] = [];
  /** Connections that were asked for. */
  attempts = 0;
  #gate: Promise<void> | undefined;
  #arrived: (() => void) | undefined;

  constructor(redis: OriginRedis) {
    this.#redis = redis;
    this.options = redis.options ?? {};
  }

  /**
   * Holds the next transactions back, as a process does that is stopped just before it sends them.
   * @returns a promise of the first that is held, and what lets them all go.
   */
  hold(): { readonly arrived: Promise<void>; release(): void } {
    let release = (): void => {};
    this.#gate = new Promise((resolve) => {
      release = () => {
        this.#gate = undefined;
        resolve();
      };
    });
    const arrived = new Promise<void>((resolve) => {
      this.#arrived = resolve;
    });
    return { arrived, release: () => release() };
  }

  /** Ends all connections, as a server that is killed does. */
  breakAll(): void {
    for (const connection of this.#connections) connection.disconnect();
  }

  duplicate(options: Parameters<OriginRedis['duplicate']>[0]): RedisConnection {
    const connection = this.#redis.duplicate(options);
    this.#connections.add(connection);
    this.attempts++;
    const refuse = this.failures > 0;
    if (refuse) this.failures--;
    const gated: Pick<RedisConnection, 'connect' | 'scanBuffer' | 'multi'> = {
      connect: async () => {
        if (refuse) throw new Error('connection refused');
        await connection.connect();
      },
      scanBuffer: async (...asked) => {
        const [cursor, keys] = await connection.scanBuffer(...asked);
        return [cursor, [...keys, ...this.scanned]];
      },
      multi: (commands) => ({
        exec: async () => {
          this.#arrived?.();
          await this.#gate;
          return connection.multi(commands).exec();
        },
      }),
    };
    return new Proxy(connection, {
      get: (target, name) => {
        const own: unknown = Reflect.get(gated, name);
        const value: unknown = own ?? Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }
}
