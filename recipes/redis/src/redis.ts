/**
 * What is used of a Redis client, by shape, so that this package needs none of its own: `ioredis` 5 fits, and so
 * does `ioredis-mock`.
 */

export type RedisArgument = string | number | Buffer;

/** A client that runs scripts: a connection, or a client of a Redis Cluster. */
export interface ScriptRedis {
  eval(script: string, keys: number, ...keysAndArguments: RedisArgument[]): Promise<unknown>;
  readonly options?: { readonly keyPrefix?: string | undefined };
}

/** A client from which a connection of one's own can be made. */
export interface OriginRedis {
  duplicate(options: ConnectionOptions): RedisConnection;
  readonly options?: { readonly keyPrefix?: string | undefined };
}

export interface ConnectionOptions {
  readonly keyPrefix: string;
  readonly lazyConnect: boolean;
  readonly retryStrategy: () => null;
  readonly reconnectOnError: null;
  readonly maxRetriesPerRequest: number;
}

/** One connection to one server. */
export interface RedisConnection {
  connect(): Promise<void>;
  disconnect(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  watch(key: string): Promise<unknown>;
  unwatch(): Promise<unknown>;
  hmget(key: string, ...fields: string[]): Promise<(string | null)[]>;
  scanBuffer(
    cursor: string,
    match: 'MATCH',
    pattern: string,
    count: 'COUNT',
    per: number,
  ): Promise<[cursor: Buffer, keys: Buffer[]]>;
  mgetBuffer(...keys: Buffer[]): Promise<(Buffer | null)[]>;
  multi(commands: RedisArgument[][]): {
    exec(): Promise<[error: Error | null, reply: unknown][] | null>;
  };
}
