import type { Endpoint } from '../model.ts';
import type { Caller, CallerEvents, Watcher, WatcherEvents } from './caller.ts';
import { clientFrame, mask, WebSocketConnection } from './web-socket.ts';

/** A request frame whose id is one digit, to be set when it is sent. */
interface PreparedFrame {
  readonly bytes: Buffer;
  /** Where the digit is. */
  readonly idAt: number;
  /** What to XOR the digit with. */
  readonly idMask: number;
}

/** Serialises requests once, before the clock runs. */
export function prepareFrames(method: string, params: readonly object[]): PreparedFrame[] {
  return params.map((each) => {
    const payload = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 0, method, params: each }));
    const bytes = clientFrame(payload);
    const digit = payload.indexOf('"id":0') + '"id":'.length;
    return {
      bytes,
      idAt: bytes.length - payload.length + digit,
      idMask: mask[digit & 3] ?? 0,
    };
  });
}

const digitZero = 0x30;
const idMarker = Buffer.from('{"jsonrpc":"2.0","id":');
const resultMarker = Buffer.from(',"result":');

/**
 * The slot that a successful answer names, or -1 when the text does not begin in the usual way and
 * has to be parsed.
 */
export function slotOfAnswer(bytes: Buffer, from: number): number {
  const idAt = from + idMarker.length;
  const resultAt = idAt + 1;
  if (bytes.compare(idMarker, 0, idMarker.length, from, idAt) !== 0) return -1;
  const resultEnd = resultAt + resultMarker.length;
  if (bytes.compare(resultMarker, 0, resultMarker.length, resultAt, resultEnd) !== 0) return -1;
  return (bytes[idAt] ?? 0) - digitZero;
}

export function connectLockstepCaller(
  endpoint: Endpoint,
  requests: readonly PreparedFrame[],
  events: CallerEvents,
): Caller {
  let slots: number[] = [];
  let frames: PreparedFrame[] = [];
  let queuedBytes = 0;
  const flush = (): void => {
    if (frames.length === 0) return;
    const out = Buffer.allocUnsafe(queuedBytes);
    let at = 0;
    for (const [index, frame] of frames.entries()) {
      frame.bytes.copy(out, at);
      out[at + frame.idAt] = (digitZero + (slots[index] ?? 0)) ^ frame.idMask;
      at += frame.bytes.length;
    }
    slots = [];
    frames = [];
    queuedBytes = 0;
    connection.write(out);
  };
  const connection = new WebSocketConnection(endpoint, {
    open: () => events.ready(),
    text(bytes, from, to) {
      const slot = slotOfAnswer(bytes, from);
      if (slot >= 0) return events.answered(slot);
      const message = parse(bytes, from, to);
      if (message.error !== undefined) events.failed(JSON.stringify(message.error));
      else if (typeof message.id === 'number') events.answered(message.id);
    },
    readDone: flush,
    lost: (reason) => events.failed(reason),
  });
  return {
    send(slot, request) {
      const frame = requests[request];
      if (frame === undefined) throw new RangeError(`no prepared request ${request}`);
      slots.push(slot);
      frames.push(frame);
      queuedBytes += frame.bytes.length;
    },
    flush,
    close: () => connection.close(),
  };
}

const eventsMethod = Buffer.from('"method":"watch.events"');
const watchIdsMarker = Buffer.from('"watchIds":[');
/** The method stands near the beginning; an answer to a request has no such text there. */
const methodWithin = 64;
const comma = 0x2c;
const bracket = 0x5d;

/** How many watches a `watch.events` notification is for; 0 when the text is something else. */
export function watchIdsOfEvents(bytes: Buffer, from: number, to: number): number {
  const text = bytes.subarray(from, to);
  if (text.subarray(0, methodWithin).indexOf(eventsMethod) < 0) return 0;
  let at = text.indexOf(watchIdsMarker) + watchIdsMarker.length;
  let count = 1;
  for (; text[at] !== bracket && at < text.length; at++) if (text[at] === comma) count++;
  return count;
}

/** Every put of the bench is a revision with one event, so a notification is one event per watch id. */
export function connectLockstepWatcher(
  endpoint: Endpoint,
  key: string,
  watches: number,
  events: WatcherEvents,
): Watcher {
  let created = 0;
  let arrived = 0;
  const connection = new WebSocketConnection(endpoint, {
    open() {
      const create = prepareFrames('watch.create', [{ key }]).map((frame) => frame.bytes);
      for (let at = 0; at < watches; at++) connection.write(Buffer.concat(create));
    },
    text(bytes, from, to) {
      const count = watchIdsOfEvents(bytes, from, to);
      arrived += count;
      if (count > 0) return;
      const message = parse(bytes, from, to);
      if (message.error !== undefined) events.failed(JSON.stringify(message.error));
      else if (message.method === 'watch.end') events.failed('the server ended a watch');
      else if (message.id !== undefined && ++created === watches) events.ready();
    },
    readDone() {
      if (arrived > 0) events.events(arrived);
      arrived = 0;
    },
    lost: (reason) => events.failed(reason),
  });
  return { close: () => connection.close() };
}

interface Message {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly error?: unknown;
}

function parse(bytes: Buffer, from: number, to: number): Message {
  const message: unknown = JSON.parse(bytes.toString('utf8', from, to));
  if (typeof message !== 'object' || message === null) throw new Error('not a JSON-RPC message');
  return message;
}
