import type { Random } from '../src/core/base/random.ts';
import type { PeerLink, PeerLinkHandler, PeerNetwork } from '../src/ports.ts';
import type { SimClock, SimTime } from './sim-time.ts';

export interface NetworkFaults {
  /** One frame in so many is lost without a trace; 0 for none. (TCP would break the link: this is harder.) */
  lossOneIn: number;
  /** One frame in so many breaks its link; 0 for none. */
  breakOneIn: number;
  /** One frame in so many arrives twice; 0 for none. */
  duplicateOneIn: number;
  delayMsMin: number;
  delayMsMax: number;
  /** Frames may overtake each other. */
  reorder: boolean;
}

export const calmNetwork: NetworkFaults = {
  lossOneIn: 0,
  breakOneIn: 0,
  duplicateOneIn: 0,
  delayMsMin: 1,
  delayMsMax: 1,
  reorder: false,
};

interface Host {
  readonly clock: SimClock;
  readonly accept: (link: PeerLink) => PeerLinkHandler;
}

/** Both directions of one connection. */
interface Connection {
  readonly ends: [End, End];
  open: boolean;
}

interface End {
  readonly address: string;
  readonly clock: SimClock;
  handler: PeerLinkHandler | undefined;
  closedLocally: boolean;
  lastArrival: number;
}

/** Links between simulated members: delay, loss, reordering, duplication, breaks, one-way partitions. */
export class SimNetwork {
  readonly #time: SimTime;
  readonly #random: Random;
  readonly #hosts = new Map<string, Host>();
  readonly #connections = new Set<Connection>();
  /** "from>to" pairs through which nothing passes. */
  readonly #cut = new Set<string>();
  /** What waits in links that are clogged, by "from>to". */
  readonly #clogged = new Map<string, (() => void)[]>();
  #faults: NetworkFaults = { ...calmNetwork };
  /** When the last trouble began or ended. */
  calmSince = 0;
  delivered = 0;
  lost = 0;

  constructor(time: SimTime, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  get faults(): NetworkFaults {
    return this.#faults;
  }

  set faults(faults: NetworkFaults) {
    this.#faults = faults;
    this.calmSince = this.#time.now;
  }

  /** The network as the member at `address` sees it. */
  host(address: string, clock: SimClock): PeerNetwork {
    return {
      accept: (accept) => {
        this.#hosts.set(address, { clock, accept });
      },
      dial: (target, handler) => this.#dial({ address, clock }, target, handler),
    };
  }

  /** The process at `address` is gone: its connections break, nobody answers there. */
  unplug(address: string): void {
    this.#hosts.delete(address);
    for (const connection of [...this.#connections]) {
      if (connection.ends.some((end) => end.address === address)) this.#break(connection);
    }
  }

  /** Nothing passes from `from` to `to` any more; what is on its way is lost. */
  cut(from: string, to: string): void {
    this.calmSince = this.#time.now;
    this.#cut.add(`${from}>${to}`);
  }

  heal(): void {
    this.calmSince = this.#time.now;
    this.#cut.clear();
    for (const link of [...this.#clogged.keys()]) this.#unclog(link);
  }

  /** What is sent from `from` to `to` waits, and loses nothing, until {@link unclog}. */
  clog(from: string, to: string): void {
    const link = `${from}>${to}`;
    this.calmSince = this.#time.now;
    if (!this.#clogged.has(link)) this.#clogged.set(link, []);
  }

  /** What has waited arrives, in its order. */
  unclog(from: string, to: string): void {
    this.#unclog(`${from}>${to}`);
  }

  #unclog(link: string): void {
    this.calmSince = this.#time.now;
    const waiting = this.#clogged.get(link) ?? [];
    this.#clogged.delete(link);
    for (const deliver of waiting) this.#time.afterInside(this.faults.delayMsMin, deliver);
  }

  #passes(from: string, to: string): boolean {
    return !this.#cut.has(`${from}>${to}`);
  }

  #delay(): number {
    const { delayMsMin, delayMsMax } = this.faults;
    return delayMsMin + this.#random.below(delayMsMax - delayMsMin + 1);
  }

  #dial(
    from: { address: string; clock: SimClock },
    target: string,
    handler: PeerLinkHandler,
  ): PeerLink {
    const caller: End = {
      address: from.address,
      clock: from.clock,
      handler,
      closedLocally: false,
      lastArrival: 0,
    };
    const delay = this.#delay();
    let connection: Connection | undefined;
    this.#time.afterInside(delay, () => {
      if (caller.closedLocally) return;
      const host = this.#hosts.get(target);
      const reachable = this.#passes(from.address, target) && this.#passes(target, from.address);
      if (host === undefined || !reachable) {
        return caller.clock.run(() => {
          if (!caller.closedLocally) handler.closed('connection refused');
        });
      }
      const callee: End = {
        address: target,
        clock: host.clock,
        handler: undefined,
        closedLocally: false,
        lastArrival: 0,
      };
      const made: Connection = { ends: [caller, callee], open: true };
      connection = made;
      this.#connections.add(made);
      host.clock.run(() => {
        callee.handler = host.accept(this.#link(made, 1));
      });
      caller.clock.run(() => {
        if (!caller.closedLocally) handler.opened();
      });
    });
    return {
      address: target,
      send: (frame) => {
        if (connection !== undefined) this.#transmit(connection, 0, frame);
      },
      queuedBytes: () => 0,
      close: () => {
        caller.closedLocally = true;
        if (connection !== undefined) this.#close(connection, 0);
      },
    };
  }

  #link(connection: Connection, side: 0 | 1): PeerLink {
    return {
      address: connection.ends[side === 0 ? 1 : 0].address,
      send: (frame) => this.#transmit(connection, side, frame),
      queuedBytes: () => 0,
      close: () => {
        connection.ends[side].closedLocally = true;
        this.#close(connection, side);
      },
    };
  }

  #transmit(connection: Connection, side: 0 | 1, frame: Uint8Array): void {
    if (!connection.open) return;
    const { faults } = this;
    const random = this.#random;
    const from = connection.ends[side];
    const to = connection.ends[side === 0 ? 1 : 0];
    if (faults.breakOneIn > 0 && random.oneIn(faults.breakOneIn)) return this.#break(connection);
    if (faults.lossOneIn > 0 && random.oneIn(faults.lossOneIn)) {
      this.lost++;
      return;
    }
    const copies = faults.duplicateOneIn > 0 && random.oneIn(faults.duplicateOneIn) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      let at = this.#time.now + this.#delay();
      if (!faults.reorder) at = Math.max(at, to.lastArrival);
      to.lastArrival = Math.max(at, to.lastArrival);
      const deliver = (): void => {
        if (!connection.open || !this.#passes(from.address, to.address)) {
          this.lost++;
          return;
        }
        const waiting = this.#clogged.get(`${from.address}>${to.address}`);
        if (waiting !== undefined) {
          waiting.push(deliver);
          return;
        }
        this.delivered++;
        to.clock.run(() => {
          // The bytes are copied, as a real network would: nobody shares memory.
          if (connection.open && !to.closedLocally) to.handler?.frame(frame.slice());
        });
      };
      this.#time.afterInside(at - this.#time.now, deliver);
    }
  }

  /** One side hung up; the other learns of it when the news arrives. */
  #close(connection: Connection, side: 0 | 1): void {
    if (!connection.open) return;
    connection.open = false;
    this.#connections.delete(connection);
    const other = connection.ends[side === 0 ? 1 : 0];
    this.#time.afterInside(this.#delay(), () =>
      this.#tellClosed(other, 'closed by the other side'),
    );
  }

  #break(connection: Connection): void {
    if (!connection.open) return;
    connection.open = false;
    this.#connections.delete(connection);
    for (const end of connection.ends) {
      this.#time.afterInside(this.#delay(), () => this.#tellClosed(end, 'connection reset'));
    }
  }

  #tellClosed(end: End, reason: string): void {
    end.clock.run(() => {
      if (!end.closedLocally) end.handler?.closed(reason);
    });
  }
}
