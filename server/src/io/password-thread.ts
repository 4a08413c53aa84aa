import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { truncates } from 'bcryptjs';

interface Job {
  readonly password: string;
  /** Undefined to make a hash. */
  readonly hash: string | undefined;
}

interface Answer {
  readonly id: number;
  readonly outcome: string | boolean;
}

interface Waiting {
  readonly resolve: (outcome: string | boolean) => void;
  readonly reject: (error: Error) => void;
}

/** etcd's. */
const cost = 10;

/** Plain JavaScript in a text, because a thread does not have the loaders that run this file from its source. */
const script = `
const { parentPort, workerData } = require('node:worker_threads');
const bcrypt = require(workerData.library);
parentPort.on('message', ({ id, password, hash }) => {
  const outcome = hash === undefined
    ? bcrypt.hashSync(password, workerData.cost)
    : bcrypt.compareSync(password, hash);
  parentPort.postMessage({ id, outcome });
});
`;

/**
 * bcrypt in a thread of its own, one password after another: a check takes a tenth of a second, in which
 * this thread must go on. The thread begins with the first password and does not keep the process alive.
 */
export class PasswordThread {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #lastId = 0;

  /** Rejects for a password of which bcrypt would take a part only. */
  async hash(password: string): Promise<string> {
    if (truncates(password)) throw new Error('bcrypt takes 72 bytes of a password, not more');
    return String(await this.#run({ password, hash: undefined }));
  }

  async matches(password: string, hash: string): Promise<boolean> {
    return (await this.#run({ password, hash })) === true;
  }

  /** Whoever still waits is rejected. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#fail(new Error('the member is stopping'));
    await worker?.terminate();
  }

  #run(job: Job): Promise<string | boolean> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, ...job });
    });
  }

  #start(): Worker {
    const library = createRequire(import.meta.url).resolve('bcryptjs');
    const worker = new Worker(script, { eval: true, workerData: { library, cost }, execArgv: [] });
    worker.on('message', ({ id, outcome }: Answer) => {
      this.#waiting.get(id)?.resolve(outcome);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
    });
    // The next password begins another thread.
    const ended = (error: Error): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#fail(error);
    };
    worker.on('error', (error) => ended(error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', () => ended(new Error('the thread that checks passwords has ended')));
    return worker;
  }

  #fail(error: Error): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}
