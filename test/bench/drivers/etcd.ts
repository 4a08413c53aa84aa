import type { Endpoint } from '../model.ts';
import { grpcMessage, summarizeWatchResponse, watchCreateRequest } from '../protobuf.ts';
import {
  type Caller,
  type CallerEvents,
  slotsMax,
  type Watcher,
  type WatcherEvents,
} from './caller.ts';
import {
  dataFrame,
  firstHeaderBlock,
  frameHeaderBytes,
  Http2Connection,
  headersFrame,
  laterHeaderBlock,
  streamIdOffset,
} from './http2.ts';

const grpcPrefixBytes = 5;
const watchPath = '/etcdserverpb.Watch/Watch';

/** Sends unary calls of one method whose bodies are ready to go. */
export function connectEtcdCaller(
  endpoint: Endpoint,
  path: string,
  bodies: readonly Buffer[],
  events: CallerEvents,
): Caller {
  const calls = bodies.map((body) => dataFrame(body, true));
  const later = headersFrame(laterHeaderBlock);
  /** By slot: the stream in flight, and whether it has brought data. */
  const streams = new Array<number>(slotsMax).fill(0);
  const answeredData = new Array<boolean>(slotsMax).fill(false);
  let headers = headersFrame(firstHeaderBlock(endpoint, path));
  let nextStream = 1;
  let queue: Buffer[] = [];
  let dataBytes = 0;
  const flush = (): void => {
    if (queue.length === 0) return;
    const frames = Buffer.concat(queue);
    const bytes = dataBytes;
    queue = [];
    dataBytes = 0;
    connection.write(frames, bytes);
  };
  const connection = new Http2Connection(endpoint, {
    open: () => events.ready(),
    data(stream) {
      const slot = streams.indexOf(stream);
      if (slot >= 0) answeredData[slot] = true;
    },
    streamEnded(stream) {
      const slot = streams.indexOf(stream);
      if (slot < 0) return;
      if (answeredData[slot]) events.answered(slot);
      else events.failed('etcd answered a call with a gRPC error');
    },
    readDone: flush,
    lost: (reason) => events.failed(reason),
  });
  return {
    send(slot, request) {
      const call = calls[request];
      if (call === undefined) throw new RangeError(`no prepared request ${request}`);
      queue.push(onStream(headers, nextStream), onStream(call, nextStream));
      dataBytes += call.length - frameHeaderBytes;
      streams[slot] = nextStream;
      answeredData[slot] = false;
      nextStream += 2;
      headers = later;
    },
    flush,
    close: () => connection.close(),
  };
}

/** One Watch stream that carries all watches of the connection, as etcd's own client would. */
export function connectEtcdWatcher(
  endpoint: Endpoint,
  key: string,
  watches: number,
  events: WatcherEvents,
): Watcher {
  const stream = 1;
  let created = 0;
  let tail = Buffer.alloc(0);
  let arrived = 0;
  const connection = new Http2Connection(endpoint, {
    open() {
      const create = dataFrame(grpcMessage(watchCreateRequest(key)), false);
      const creates = Array.from({ length: watches }, () => onStream(create, stream));
      const headers = onStream(headersFrame(firstHeaderBlock(endpoint, watchPath)), stream);
      const dataBytes = (create.length - frameHeaderBytes) * watches;
      connection.write(Buffer.concat([headers, ...creates]), dataBytes);
    },
    data(_stream, bytes, from, to) {
      const chunk = bytes.subarray(from, to);
      const all = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
      let at = 0;
      while (all.length >= at + grpcPrefixBytes) {
        const start = at + grpcPrefixBytes;
        const end = start + all.readUInt32BE(at + 1);
        if (all.length < end) break;
        const response = summarizeWatchResponse(all, start, end);
        if (response.canceled) events.failed('etcd cancelled a watch');
        else if (response.created && ++created === watches) events.ready();
        arrived += response.events;
        at = end;
      }
      tail = Buffer.from(all.subarray(at));
    },
    streamEnded: () => events.failed('etcd ended the watch stream'),
    readDone() {
      if (arrived > 0) events.events(arrived);
      arrived = 0;
    },
    lost: (reason) => events.failed(reason),
  });
  return { close: () => connection.close() };
}

function onStream(frame: Buffer, stream: number): Buffer {
  const copy = Buffer.from(frame);
  copy.writeUInt32BE(stream, streamIdOffset);
  return copy;
}
