import { formatNotification, limits } from '@lockstep/client/protocol';
import { Session } from '../src/api/ws/session.ts';
import { anyone, type Service } from '../src/service/service.ts';
import {
  type ClientConnection,
  goingAway,
  type MemberEnd,
  type ToClient,
  type ToMember,
} from './client-connection.ts';
import { Replies, type ReplyFilter } from './replies.ts';
import type { SimClock } from './sim-time.ts';

const policyViolation = 1008;
/** How often silence and stalls are counted, as the real door does. */
const sweepMs = Math.min(500, limits.heartbeatMs / 4);
const heartbeatSweeps = Math.ceil(limits.heartbeatMs / sweepMs);
const silenceSweeps = Math.ceil(limits.silenceMsMax / sweepMs);
const stallSweeps = Math.ceil(limits.stallMsMax / sweepMs);

export interface SimDoorOptions {
  readonly member: string;
  readonly service: Service;
  readonly clock: SimClock;
  /** Whether this reply is lost, and its connection with it. */
  readonly loses: ReplyFilter;
  readonly trace: (line: string) => void;
}

/**
 * The WebSocket door of a simulated member: the production {@link Session} for each connection, and
 * around it what `server/src/api/ws/socket.ts` does with a socket, in virtual time.
 */
export class SimDoor {
  readonly options: SimDoorOptions;
  readonly #ends = new Set<SimSocket>();
  readonly #stopSweeping: () => void;
  #sweeps = 0;
  #onEmpty: (() => void) | undefined;

  constructor(options: SimDoorOptions) {
    this.options = options;
    this.#stopSweeping = options.clock.every(sweepMs, () => this.#sweep());
  }

  /** True while a call has not been answered. */
  get isBusy(): boolean {
    for (const socket of this.#ends) if (socket.isBusy) return true;
    return false;
  }

  /** A client connects. */
  accept(connection: ClientConnection): void {
    const socket = new SimSocket(this.options, connection, () => {
      this.#ends.delete(socket);
      if (this.#ends.size === 0) this.#onEmpty?.();
    });
    this.#ends.add(socket);
    connection.open(socket);
    // Whatever the real door says first, this one says here.
    socket.beat(this.#heartbeat());
  }

  /** Every connection gets its answers and is closed; `done` when all are. */
  stop(done: () => void): void {
    this.#stopSweeping();
    this.#onEmpty = done;
    if (this.#ends.size === 0) done();
    for (const socket of this.#ends) socket.stop();
  }

  #heartbeat(): string {
    return formatNotification('heartbeat', this.options.service.heartbeat());
  }

  #sweep(): void {
    this.#sweeps++;
    const isBeat = this.#sweeps % heartbeatSweeps === 0 && this.#ends.size > 0;
    const heartbeat = isBeat ? this.#heartbeat() : undefined;
    for (const socket of [...this.#ends]) socket.sweep(heartbeat);
  }
}

/** One connection as the member's process has it. */
class SimSocket implements MemberEnd {
  readonly #options: SimDoorOptions;
  readonly #connection: ClientConnection;
  readonly #session: Session;
  readonly #replies: Replies;
  readonly #gone: () => void;
  /** Frames that came while the session did not read. */
  readonly #unread: string[] = [];
  #isReading = true;
  #unsentBytes = 0;
  #isFull = false;
  #hasTaken = false;
  #hasHeard = false;
  #stalledSweeps = 0;
  #silentSweeps = 0;
  #isGone = false;

  constructor(options: SimDoorOptions, connection: ClientConnection, gone: () => void) {
    this.#options = options;
    this.#connection = connection;
    this.#gone = gone;
    this.#replies = new Replies(options.member);
    this.#session = new Session({
      service: options.service,
      caller: anyone,
      outlet: {
        send: (text) => this.#send(text),
        isWritable: () => !this.#isFull,
        setReading: (reading) => {
          this.#isReading = reading;
          if (reading) this.#readOn();
        },
        finish: () => this.#close(goingAway, 'the member is stopping'),
      },
    });
  }

  get isBusy(): boolean {
    return this.#session.running + this.#session.waiting > 0;
  }

  receive(item: ToMember): void {
    this.#options.clock.run(() => {
      if (this.#isGone) return;
      this.#hasHeard = true;
      if (item.kind === 'close') {
        this.#connection.end();
        this.broken();
      } else if (item.kind === 'text') {
        this.#unread.push(item.text);
        this.#readOn();
      }
    });
  }

  taken(item: ToClient): void {
    if (item.kind !== 'text') return;
    this.#unsentBytes -= item.text.length;
    this.#hasTaken = true;
    if (!this.#isFull || this.#unsentBytes >= limits.unsentBytesMax / 2) return;
    this.#isFull = false;
    this.#options.clock.run(() => {
      if (!this.#isGone) this.#session.drained();
    });
  }

  broken(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#session.close();
    this.#gone();
  }

  break(reason: string): void {
    this.#connection.break(reason);
    this.broken();
  }

  beat(heartbeat: string): void {
    this.#session.heartbeat(heartbeat);
  }

  stop(): void {
    this.#session.stop();
  }

  sweep(heartbeat: string | undefined): void {
    if (this.#countStall() > stallSweeps) return this.break('connection reset');
    if (this.#countSilence() > silenceSweeps) {
      return this.#close(policyViolation, 'nothing was heard from this client, not even a pong');
    }
    if (heartbeat === undefined) return;
    this.#connection.sendToClient({ kind: 'ping' });
    this.beat(heartbeat);
  }

  /** Silence is counted only while the session reads. */
  #countSilence(): number {
    this.#silentSweeps = this.#hasHeard || !this.#isReading ? 0 : this.#silentSweeps + 1;
    this.#hasHeard = false;
    return this.#silentSweeps;
  }

  #countStall(): number {
    this.#stalledSweeps = this.#hasTaken || this.#unsentBytes === 0 ? 0 : this.#stalledSweeps + 1;
    this.#hasTaken = false;
    return this.#stalledSweeps;
  }

  #readOn(): void {
    while (this.#isReading && !this.#isGone) {
      const text = this.#unread.shift();
      if (text === undefined) return;
      this.#options.trace(`< ${text}`);
      this.#replies.asked(text);
      this.#session.receive(text);
    }
  }

  #send(text: string): void {
    // A member that was killed or paused says nothing, whatever promises of it still settle.
    this.#options.clock.run(() => {
      if (this.#isGone) return;
      const reply = this.#replies.answered(text);
      if (reply !== undefined && this.#options.loses(reply)) {
        this.#options.trace(`loses ${text}`);
        this.break('connection reset');
        return;
      }
      this.#options.trace(`> ${text}`);
      this.#unsentBytes += text.length;
      if (this.#unsentBytes >= limits.unsentBytesMax) this.#isFull = true;
      this.#connection.sendToClient({ kind: 'text', text });
    });
  }

  /** The member's side is done with; the client hears why when the news arrives. */
  #close(code: number, reason: string): void {
    this.#options.clock.run(() => {
      if (!this.#isGone) this.#connection.sendToClient({ kind: 'close', code, reason });
    });
  }
}
