import { type InvalidError, invalid } from '@lockstep/client';
import { StaleTokenError } from './errors.ts';
import { fencedCommands } from './fenced-commands.ts';
import type { RedisArgument, ScriptRedis } from './redis.ts';

/** What a fence needs of a holder: a lock of `@lockstep/locks`, a term of an election, or anything with a token that goes up. */
export interface TokenHolder {
  readonly token: number;
  /** @throws when it is no longer held, as far as the holder itself can tell. */
  assertHeld(): void;
}

/** A Redis command of one key, as `ioredis` takes it in `multi([...])`: its name, the key, the rest. */
export type FencedCommand = readonly [name: string, key: string, ...rest: RedisArgument[]];

export interface FenceOptions {
  /** The Redis key that keeps the largest token. Default: one beside `name`, in the same slot of a Redis Cluster. */
  readonly fenceKey?: string;
}

/** How a value that is set expires, if it does. */
export interface FencedSetOptions {
  /** Milliseconds after which Redis removes it. */
  readonly px?: number;
}

export const commandsMax = 128;
/** The stack of Redis' Lua takes not many more at one time. */
const argumentsMax = 1_000;

/**
 * Tokens are compared as decimal text, by length and then by digits, since Lua would print the large ones with an
 * exponent. Nothing between the comparison and the writes can come in between: a script runs alone.
 */
const script = `
local last = redis.call('get', KEYS[1])
local token = ARGV[1]
if last then
  if not string.match(last, '^%d+$') then return {-1, last} end
  if #token < #last or (#token == #last and token < last) then return {0, last} end
end
if last ~= token then redis.call('set', KEYS[1], token) end
local replies = {}
local at = 2
for i = 2, #KEYS do
  local size = tonumber(ARGV[at])
  replies[i - 1] = redis.call(ARGV[at + 1], KEYS[i], unpack(ARGV, at + 2, at + size)) or false
  at = at + size + 1
end
return {1, unpack(replies, 1, #KEYS - 1)}
`;

/**
 * Writes to Redis that refuse a holder whose successor has written already: the largest token is kept in Redis, in the same
 * step as each write, and a smaller one is refused with a StaleTokenError. One fence stands for all keys that one lock
 * protects, so whatever a lock protects is to be written through its fence and in no other way.
 *
 * Not promised: what Redis itself does not. If it loses its last writes (at a failover, since it replicates afterwards; at a
 * crash, without `appendfsync always`), it loses the largest token with them, and a stale holder can get through until the next
 * write of the right one. The fence key must not be evicted or expire.
 */
export class Fence {
  readonly name: string;
  /** Where the largest token is, as Redis commands through the same client name it. */
  readonly fenceKey: string;
  readonly #redis: ScriptRedis;

  /**
   * @param name what the fence protects: with a Redis Cluster, a key or a hash tag whose slot all written keys share.
   * @throws InvalidError when no fence key can be made of the name.
   */
  constructor(redis: ScriptRedis, name: string, options: FenceOptions = {}) {
    if (typeof name !== 'string' || name === '') {
      throw invalid('a fence has a name: that of the lock, or of the key it protects');
    }
    this.#redis = redis;
    this.name = name;
    this.fenceKey = options.fenceKey ?? fenceKeyOf(name, redis.options?.keyPrefix ?? '');
  }

  /**
   * Runs commands in one step, in their order, if no larger token was seen; the same token may write again and again.
   * An empty list writes nothing but the token: it shuts the predecessor out from now on.
   * @returns the replies of Redis, one for each command.
   * @throws StaleTokenError; what `holder.assertHeld` throws; InvalidError; what Redis answers to a command that is wrong,
   * and then, as always in Redis, the commands before it were run.
   */
  async run(holder: TokenHolder, commands: readonly FencedCommand[]): Promise<unknown[]> {
    const { token } = holder;
    if (!Number.isSafeInteger(token) || token < 1) {
      throw invalid(`the token is ${token}; it must be a whole number from 1 to 2^53 - 1`);
    }
    const checked = checkedCommands(commands, this.fenceKey);
    holder.assertHeld();
    const keys = checked.map(([, key]) => key);
    const rest = checked.flatMap(([name, , ...more]) => [more.length + 1, name, ...more]);
    const answer: unknown = await this.#redis.eval(
      script,
      keys.length + 1,
      ...[this.fenceKey, ...keys, `${token}`, ...rest],
    );
    if (!Array.isArray(answer)) throw unreadable(this.fenceKey, answer);
    const [verdict, ...replies]: unknown[] = answer;
    if (verdict === 0) throw new StaleTokenError(this.fenceKey, token, Number(replies[0]));
    if (verdict !== 1) throw unreadable(this.fenceKey, replies[0]);
    // Lua has no null in a list; a client shows its false as one or the other.
    return replies.map((reply) => (reply === false ? null : reply));
  }

  /** Sets a key. @throws as {@link run}. */
  async set(
    holder: TokenHolder,
    key: string,
    value: RedisArgument,
    { px }: FencedSetOptions = {},
  ): Promise<void> {
    if (px !== undefined && (!Number.isSafeInteger(px) || px < 1)) {
      throw invalid(`px is ${px}; it must be a whole number of milliseconds, 1 or more`);
    }
    await this.run(holder, [['set', key, value, ...(px === undefined ? [] : ['PX', px])]]);
  }

  /** Sets fields of a hash. @throws as {@link run}. */
  async hset(
    holder: TokenHolder,
    key: string,
    fields: Readonly<Record<string, RedisArgument>>,
  ): Promise<void> {
    await this.run(holder, [['hset', key, ...Object.entries(fields).flat()]]);
  }

  /** Deletes a key. @returns whether it was there. @throws as {@link run}. */
  async del(holder: TokenHolder, key: string): Promise<boolean> {
    const [count] = await this.run(holder, [['del', key]]);
    return count === 1;
  }

  /** Shuts out every smaller token from now on, before the first write. @throws as {@link run}. */
  async raise(holder: TokenHolder): Promise<void> {
    await this.run(holder, []);
  }
}

function checkedCommands(
  commands: readonly FencedCommand[],
  fenceKey: string,
): readonly FencedCommand[] {
  if (commands.length > commandsMax) {
    throw invalid(`${commands.length} commands; at most ${commandsMax} go in one step`);
  }
  return commands.map(([name, key, ...rest]) => {
    const lower = String(name).toLowerCase();
    if (!fencedCommands.has(lower)) {
      throw invalid(
        `${JSON.stringify(name)} cannot be fenced; what can are commands of one key: ${[...fencedCommands].join(', ')}`,
      );
    }
    if (typeof key !== 'string' || key === '') {
      throw invalid(`${lower} has no key; a command is written ['${lower}', 'key', ...]`);
    }
    if (key === fenceKey)
      throw invalid(`${JSON.stringify(key)} is where the fence keeps its token`);
    if (rest.length > argumentsMax) {
      throw invalid(`${lower} has ${rest.length} arguments; at most ${argumentsMax} are taken`);
    }
    const wrong = rest.find((one) => typeof one === 'object' && !Buffer.isBuffer(one));
    if (wrong !== undefined || rest.includes(undefined as never)) {
      throw invalid(`an argument of ${lower} is no string, number or Buffer`);
    }
    return [lower, key, ...rest];
  });
}

/**
 * A key in the slot of `name`. What Redis Cluster hashes is between the first `{` and the `}` after it, if that is not
 * empty, and the whole key if not; the client's prefix is a part of the key.
 */
function fenceKeyOf(name: string, keyPrefix: string): string {
  const whole = `${keyPrefix}${name}`;
  const opening = whole.indexOf('{');
  const closing = whole.indexOf('}', opening + 1);
  if (opening >= 0 && closing > opening + 1) return `${name}:fence`;
  if (whole.includes('}') || whole.includes('{')) {
    throw invalid(
      `the name ${JSON.stringify(name)} has braces and no hash tag; give the fenceKey yourself, or a name like "{tag}rest"`,
    );
  }
  // Of another form, so that the names `a` and `{a}` have two.
  return `fence:{${whole}}`;
}

function unreadable(fenceKey: string, found: unknown): InvalidError {
  return invalid(
    `${JSON.stringify(fenceKey)} in Redis holds ${JSON.stringify(found)}, which is no token: something else writes that key`,
  );
}
