import { type ChildProcess, spawn } from 'node:child_process';
import { atExit, freePorts, http, until } from '../../harness/processes.ts';

const logCharacters = 3_000;

/** One member of Debian's etcd that is alone in its cluster. */
export class EtcdProcess {
  /** host:port of the client door. */
  readonly address: string;
  readonly #child: ChildProcess;
  #log = '';
  #ended: string | undefined;

  private constructor(directory: string, client: string, peer: string) {
    this.address = client;
    const [clientUrl, peerUrl] = [`http://${client}`, `http://${peer}`];
    const child = spawn(
      'etcd',
      [
        ...['--name', 'a', '--data-dir', directory, '--initial-cluster', `a=${peerUrl}`],
        ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
        ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
        // The least that it takes; each watch waits for it when it has to be complete.
        ...['--experimental-watch-progress-notify-interval', '100ms'],
        ...['--logger', 'zap', '--log-level', 'error'],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child = child;
    for (const output of [child.stdout, child.stderr]) {
      output?.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-logCharacters);
      });
    }
    child.once('error', (error) => {
      this.#ended = `etcd cannot be run (${error.message}); Debian's package is etcd-server`;
    });
    child.once('exit', (code, signal) => {
      this.#ended = `etcd ended with ${signal ?? code}`;
    });
    atExit(() => child.kill('SIGKILL'));
  }

  /** @throws {Error} when it is not installed or does not come up. */
  static async start(directory: string): Promise<EtcdProcess> {
    const [client, peer] = (await freePorts(2)).map((port) => `127.0.0.1:${port}`);
    const etcd = new EtcdProcess(directory, client ?? '', peer ?? '');
    const isUp = async (): Promise<boolean> =>
      etcd.#ended !== undefined || (await http(etcd.address, '/health')).status === 200;
    await until('etcd is healthy', isUp, etcd);
    if (etcd.#ended !== undefined) throw new Error(etcd.describe());
    return etcd;
  }

  describe = (): string => `${this.#ended ?? 'etcd runs'}\n${this.#log}`;

  async kill(): Promise<void> {
    if (this.#ended !== undefined) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await exited;
  }
}
