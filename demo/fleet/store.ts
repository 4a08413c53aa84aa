import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@lockstep/client';

const command = fileURLToPath(import.meta.resolve('@lockstep/cli/bin/lockstep.js'));
const names = ['a', 'b', 'c'];
const stopMsMax = 10_000;
const restartMs = 2_000;
/** Below those that systems hand to outgoing connections, which could take the port of a member that is down. */
const ports = { from: 20_000, to: 30_000 };

interface Member {
  readonly name: string;
  readonly address: string;
  readonly args: readonly string[];
  child?: ChildProcess;
}

/** Three members of the store, each `lockstep serve` in a process of its own. */
export class Store {
  readonly #members: readonly Member[];
  readonly #pauses = new Set<NodeJS.Timeout>();
  #isStopping = false;

  private constructor(members: readonly Member[]) {
    this.#members = members;
  }

  /** Plans them, with their data below this directory. */
  static async plan(directory: string): Promise<Store> {
    const free = await freePorts(2 * names.length);
    const peers = names.map((name, at) => `${name}=127.0.0.1:${free[2 * at + 1]}`);
    return new Store(
      names.map((name, at) => {
        const address = `127.0.0.1:${free[2 * at]}`;
        const args = [
          ...['serve', '--name', name, '--data-dir', join(directory, name)],
          ...['--listen', address, '--peer-listen', `127.0.0.1:${free[2 * at + 1]}`],
          ...['--initial-cluster', peers.join(',')],
        ];
        return { name, address, args };
      }),
    );
  }

  get endpoints(): readonly string[] {
    return this.#members.map(({ address }) => address);
  }

  /** Resolves when all serve. @throws Error when one cannot. */
  async start(): Promise<void> {
    await Promise.all(this.#members.map((member) => this.#run(member)));
  }

  /** `kill -9` for the member that leads; it is started again. @returns its name and pid. */
  async killLeader(): Promise<string> {
    for (const member of this.#members) {
      const client = new Client({ endpoints: member.address, learnEndpoints: false });
      const { isLeader } = await client.status().finally(() => client.close());
      const { child } = member;
      if (!isLeader || child === undefined) continue;
      child.kill('SIGKILL');
      const pause = setTimeout(() => {
        this.#pauses.delete(pause);
        // Two of three go on if it cannot; the end of the story says what was missed.
        this.#run(member).catch((error: Error) => process.stderr.write(`${error.message}\n`));
      }, restartMs);
      this.#pauses.add(pause);
      return `${member.name} (pid ${child.pid})`;
    }
    throw new Error('no member of the store leads');
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const pause of this.#pauses) clearTimeout(pause);
    await Promise.all(this.#members.map(({ child }) => child && ended(child)));
  }

  #run(member: Member): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    const child = spawn(process.execPath, [command, ...member.args], {
      // It tells on the channel that it serves, and ends when the channel breaks.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Ctrl-C is for the demo, which then stops its members in order.
      detached: true,
    });
    member.child = child;
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-2_000);
    });
    return new Promise((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`the member ${member.name} ended: ${said}`)));
    });
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
  await end;
  clearTimeout(late);
}

async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = ports.from + Math.floor(Math.random() * (ports.to - ports.from));
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
