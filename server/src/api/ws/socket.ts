import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  formatNotification,
  limits,
  subprotocol,
  TableError,
  webSocketPath,
} from '@lockstep/client/protocol';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Caller, Service } from '../../service/service.ts';
import { FlushTurn, Outbox, type UnsentBudget } from './outbox.ts';
import { Session } from './session.ts';

export interface WebSocketDoorOptions {
  readonly service: Service;
  /** How many calls of {@link WebSocketDoor.sweep} each limit takes. */
  readonly heartbeatSweeps: number;
  readonly silenceSweeps: number;
  readonly stallSweeps: number;
}

/** RFC 6455, 7.4.1. */
const closeCodes = { goingAway: 1001, unsupportedData: 1003, policyViolation: 1008 } as const;
/** How long a client may take to answer our close frame. */
const closeTimeoutMs = 1_000;

/** All WebSocket connections of a member. */
export class WebSocketDoor {
  readonly #options: WebSocketDoorOptions;
  readonly #server: WebSocketServer;
  readonly #connections = new Set<Connection>();
  readonly #turn = new FlushTurn();
  readonly #budget: UnsentBudget = { bytes: 0, bytesMax: limits.unsentBytesPerMemberMax };
  #sweeps = 0;
  #onEmpty: (() => void) | undefined;

  constructor(options: WebSocketDoorOptions) {
    this.#options = options;
    // A variable, since the published types do not know closeTimeout yet.
    const settings = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: limits.frameBytesMax,
      closeTimeout: closeTimeoutMs,
      handleProtocols: () => subprotocol,
    };
    this.#server = new WebSocketServer(settings);
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Bytes that wait for all clients together. */
  get unsentBytes(): number {
    return this.#budget.bytes;
  }

  /**
   * Takes over the socket of an upgrade request.
   * @throws TableError when the request asks for something that is not spoken here; the socket is
   * then the caller's to close.
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, caller: Caller): void {
    const path = request.url?.split('?', 1)[0];
    if (path !== webSocketPath) {
      throw new TableError('not_found', `the WebSocket is at ${webSocketPath}`);
    }
    const offered = request.headers['sec-websocket-protocol'];
    if (offered !== undefined && !offered.split(',').some((name) => name.trim() === subprotocol)) {
      throw new TableError(
        'invalid_request',
        `this member speaks the subprotocol ${subprotocol}; the client offers only ${offered}`,
      );
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new Connection(webSocket, socket, {
        ...this.#options,
        caller,
        turn: this.#turn,
        budget: this.#budget,
      });
      this.#connections.add(connection);
      // The first word: the client sees whom it speaks to before it asks for anything [W-10].
      connection.heartbeat(this.#heartbeat());
      webSocket.on('close', () => {
        connection.close();
        this.#connections.delete(connection);
        if (this.#connections.size === 0) this.#onEmpty?.();
      });
    });
  }

  /** Called at a steady pace: heartbeats go out, the silent and the stalled are let go. */
  sweep(): void {
    this.#sweeps++;
    let heartbeat: string | undefined;
    if (this.#sweeps % this.#options.heartbeatSweeps === 0 && this.#connections.size > 0) {
      heartbeat = this.#heartbeat();
    }
    for (const connection of this.#connections) connection.sweep(heartbeat);
  }

  #heartbeat(): string {
    return formatNotification('heartbeat', this.#options.service.heartbeat());
  }

  /** Resolves when every connection has been answered and is closed. */
  stop(): Promise<void> {
    for (const connection of this.#connections) connection.stop();
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** Cuts whatever is still open. */
  terminate(): void {
    for (const connection of this.#connections) connection.terminate();
  }
}

interface ConnectionOptions extends WebSocketDoorOptions {
  readonly caller: Caller;
  readonly turn: FlushTurn;
  readonly budget: UnsentBudget;
}

/** One socket: reading on and off, bytes out, and the counting of silence. */
class Connection {
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  readonly #options: ConnectionOptions;
  readonly #outbox: Outbox;
  readonly #session: Session;
  #bytesRead = 0;
  #silentSweeps = 0;
  #writesDone = 0;
  #stalledSweeps = 0;

  constructor(webSocket: WebSocket, socket: Duplex, options: ConnectionOptions) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#options = options;
    this.#outbox = new Outbox({
      sink: {
        isOpen: () => webSocket.readyState === webSocket.OPEN,
        write: (bytes, done) => {
          socket.write(bytes, (error) => {
            if (!error) done();
          });
        },
      },
      turn: options.turn,
      budget: options.budget,
      unsentBytesMax: limits.unsentBytesMax,
      onRoom: () => this.#session.drained(),
    });
    this.#session = new Session({
      service: options.service,
      caller: options.caller,
      outlet: {
        send: (text) => this.#outbox.send(text),
        isWritable: () => !this.#outbox.isFull,
        setReading: (reading) => {
          if (reading) webSocket.resume();
          else webSocket.pause();
        },
        finish: () =>
          this.#outbox.end(() => this.#closeWith('goingAway', 'the member is stopping')),
      },
    });
    webSocket.on('message', (data, isBinary) => {
      if (isBinary) this.#closeWith('unsupportedData', 'frames are JSON text, not binary');
      else this.#session.receive(data.toString());
    });
    // A frame that is too long or malformed: ws closes with the right code (1009, 1002, 1007).
    webSocket.on('error', () => this.close());
  }

  sweep(heartbeat: string | undefined): void {
    if (this.#countStall() > this.#options.stallSweeps) {
      this.terminate();
      return;
    }
    if (this.#countSilence() > this.#options.silenceSweeps) {
      this.#closeWith('policyViolation', 'nothing was heard from this client, not even a pong');
      return;
    }
    if (heartbeat === undefined || this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#webSocket.ping();
    this.heartbeat(heartbeat);
  }

  heartbeat(frame: string): void {
    this.#session.heartbeat(frame);
  }

  /** Silence is counted only while we listen: a paused socket hides the pongs that did arrive. */
  #countSilence(): number {
    const bytesRead = bytesReadOf(this.#socket);
    if (this.#webSocket.isPaused || bytesRead !== this.#bytesRead) this.#silentSweeps = 0;
    else this.#silentSweeps++;
    this.#bytesRead = bytesRead;
    return this.#silentSweeps;
  }

  #countStall(): number {
    const { writesDone, unsentBytes } = this.#outbox;
    if (unsentBytes === 0 || writesDone !== this.#writesDone) this.#stalledSweeps = 0;
    else this.#stalledSweeps++;
    this.#writesDone = writesDone;
    return this.#stalledSweeps;
  }

  #closeWith(code: keyof typeof closeCodes, reason: string): void {
    this.#webSocket.resume();
    this.#webSocket.close(closeCodes[code], reason);
  }

  stop(): void {
    this.#session.stop();
  }

  close(): void {
    this.#session.close();
    this.#outbox.close();
  }

  terminate(): void {
    this.#webSocket.terminate();
  }
}

function bytesReadOf(socket: Duplex): number {
  return 'bytesRead' in socket && typeof socket.bytesRead === 'number' ? socket.bytesRead : 0;
}
