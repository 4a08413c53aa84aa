import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { atExit, temporaryDirectory, until } from './processes.ts';

const executable = '/usr/bin/redis-server';

/** Why a test that starts a Redis cannot run; false when it can. */
export const noRedis = existsSync(executable)
  ? false
  : `there is no ${executable}; Debian's package is redis-server`;

const logCharacters = 3_000;

/** Debian's Redis on a socket of its own, over several lives; it keeps nothing on disk, so each begins empty. */
export class RedisProcess {
  readonly path = join(temporaryDirectory(), 'redis.sock');
  readonly #directory = temporaryDirectory();
  #child: ChildProcess | undefined;
  #log = '';

  constructor() {
    atExit(() => this.#child?.kill('SIGKILL'));
  }

  describe = (): string => this.#log;

  /** Resolves when it answers. @throws Error when it does not. */
  async start(): Promise<void> {
    const child = spawn(
      executable,
      [
        ...['--port', '0', '--unixsocket', this.path, '--dir', this.#directory],
        ...['--save', '', '--appendonly', 'no', '--daemonize', 'no'],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child = child;
    for (const output of [child.stdout, child.stderr]) {
      output?.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-logCharacters);
      });
    }
    const probe = this.connect({ lazyConnect: true, retryStrategy: () => 20 });
    try {
      await until('redis-server answers', async () => (await probe.ping()) === 'PONG', this);
    } finally {
      probe.disconnect();
    }
  }

  connect(options: RedisOptions = {}): Redis {
    const redis = new Redis({ path: this.path, ...options });
    // While it is killed its clients complain.
    redis.on('error', () => {});
    return redis;
  }

  /** SIGSTOP and SIGCONT: it answers nothing, and its connections stand. */
  pause(isPaused: boolean): void {
    this.#child?.kill(isPaused ? 'SIGSTOP' : 'SIGCONT');
  }

  /** kill -9 */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }
}
