import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { adopt, residentMebibytes } from '../processes.ts';
import type { Answer, Numbered, Order } from './order.ts';

const main = fileURLToPath(new URL('contender-main.ts', import.meta.url));
const patienceMs = 120_000;

interface Asked {
  readonly resolve: (value: number) => void;
  readonly reject: (error: Error) => void;
}

/** A process of its own that contends for locks. */
export class Contender {
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', ({ id, value, failure }: Answer) => {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (failure === undefined) asked?.resolve(value ?? 0);
      else asked?.reject(new Error(failure));
    });
    child.once('exit', () => {
      const gone = new Error('a contender has ended early');
      for (const { reject } of this.#asked.values()) reject(gone);
      this.#asked.clear();
    });
  }

  /** Starts a process and opens its connections. */
  static async start(order: Omit<Extract<Order, { do: 'open' }>, 'do'>): Promise<Contender> {
    const child = fork(main);
    adopt(child);
    const contender = new Contender(child);
    await contender.ask({ do: 'open', ...order });
    return contender;
  }

  /** @throws Error when it fails, ends, or is not done within two minutes. */
  ask(order: Order): Promise<number> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const late = new Error(`"${order.do}" was not done within ${patienceMs / 1000} s`);
      const timer = setTimeout(() => reject(late), patienceMs);
      this.#asked.set(id, {
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      const message: Numbered = { id, order };
      this.#child.send(message);
    });
  }

  mebibytes(): number {
    return residentMebibytes([this.#child.pid ?? -1]);
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}
