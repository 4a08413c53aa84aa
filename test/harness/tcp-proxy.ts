import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Lets bytes pass between the two ends of one connection; both are paused when it gets them. */
export type Join = (near: Socket, far: Socket) => void;

/** Stands between two processes on this machine, and can stop passing anything on without a word. */
export class TcpProxy {
  readonly #server: Server;
  readonly #target: string;
  readonly #join: Join;
  readonly #sockets = new Set<Socket>();
  #isSilent = false;

  private constructor(server: Server, target: string, join: Join | undefined) {
    this.#server = server;
    this.#target = target;
    this.#join = join ?? ((near, far) => this.#pass(near, far));
    server.on('connection', (socket) => this.#connect(socket));
  }

  /**
   * Listens on a free port for what is meant for `target` (host:port). With a `join` of the caller's own that alone
   * decides what passes, and {@link silence} does nothing.
   */
  static async start(target: string, join?: Join): Promise<TcpProxy> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, target, join);
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Nothing passes any more; connections stay open, new ones too, and nobody is told. */
  silence(): void {
    this.#isSilent = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** What was held back passes, as after a partition in a network that kept its connections. */
  restore(): void {
    this.#isSilent = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Breaks all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }

  #connect(near: Socket): void {
    const [host = '', port = ''] = this.#target.split(':');
    const far = connect({ host, port: Number(port), noDelay: true });
    near.setNoDelay(true);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
    this.#join(near, far);
  }

  #pass(near: Socket, far: Socket): void {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes) => {
        if (to.write(bytes)) return;
        from.pause();
        to.once('drain', () => {
          if (!this.#isSilent) from.resume();
        });
      });
      if (this.#isSilent) from.pause();
      else from.resume();
    }
  }
}
