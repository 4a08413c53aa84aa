import type { IncomingMessage, ServerResponse } from 'node:http';
import { limits, parseParams, TableError } from '@lockstep/client/protocol';
import type {
  CallContext,
  ConnectionWatches,
  Service,
  WatchOutlet,
} from '../../service/service.ts';
import { queryParams } from './url.ts';

const watchNames = [
  'key',
  'prefix',
  'rangeEnd',
  'startRevision',
  'prevKv',
  'noPut',
  'noDelete',
  'keysOnly',
  'minRevision',
];

type End = Parameters<WatchOutlet['ended']>[1];

/**
 * PROTOCOL [W-52]: one watch as Server-Sent Events. Each event's id is its revision, so a browser
 * that reconnects with Last-Event-ID continues at the next one.
 */
export class WatchStreamResponse {
  readonly #response: ServerResponse;
  readonly #watches: ConnectionWatches;
  #starved = false;

  constructor(service: Service, response: ServerResponse) {
    this.#response = response;
    this.#watches = service.openWatches({
      ready: () => this.#ready(),
      events: (_ids, revision, body) => this.#write(`id: ${revision}\ndata: {${body}}\n\n`),
      // The id alone, as at the start: a client that reconnects resumes after it.
      progress: (_ids, revision) => this.#write(`: progress\nid: ${revision}\n\n`),
      ended: (_id, end) => this.#end(end),
    });
    response.on('drain', () => {
      if (!this.#starved) return;
      this.#starved = false;
      this.#watches.resume();
    });
    response.on('close', () => this.#watches.close());
  }

  /** @throws TableError what the watch cannot be started for; nothing has been sent then. */
  async start(request: IncomingMessage, query: string, context: CallContext): Promise<void> {
    try {
      const raw = queryParams(query, 'watch.create', watchNames);
      const startRevision = resumeRevision(request.headers['last-event-id']);
      const params = parseParams('watch.create', {
        ...raw,
        ...(startRevision === undefined ? {} : { startRevision }),
        progressNotify: true,
      });
      await this.#watches.create(params, context, (result) => {
        this.#response.writeHead(200, {
          'content-type': 'text/event-stream',
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        });
        // Nothing follows the head that was asked for; left open, it would hold up the next request.
        if (request.method === 'HEAD') {
          this.#response.end();
          return;
        }
        // The id alone: a client that loses the connection before the first event resumes here.
        this.#write(`: watching from ${result.startRevision}\nid: ${result.startRevision - 1}\n\n`);
      });
    } catch (error) {
      this.#watches.close();
      throw error;
    }
  }

  heartbeat(): void {
    const { headersSent, writableEnded } = this.#response;
    if (headersSent && !writableEnded && this.#ready()) this.#write(': heartbeat\n\n');
  }

  /** Ends with `server_stopped`; a watch that has not started yet is refused by its own store. */
  stop(): void {
    this.#watches.stop();
    if (this.#response.headersSent) this.#response.end();
  }

  #ready(): boolean {
    if (this.#response.writableLength < limits.unsentBytesMax) return true;
    this.#starved = true;
    return false;
  }

  #write(text: string): void {
    if (!this.#response.writableEnded) this.#response.write(text);
  }

  #end(end: End): void {
    const { reason, resumeRevision: next, compactRevision } = end;
    const data = JSON.stringify({ reason, resumeRevision: next, compactRevision });
    this.#write(`id: ${next - 1}\nevent: end\ndata: ${data}\n\n`);
    this.#response.end();
  }
}

function resumeRevision(lastEventId: string | string[] | undefined): number | undefined {
  if (lastEventId === undefined || lastEventId === '') return undefined;
  if (typeof lastEventId === 'string' && /^\d{1,15}$/.test(lastEventId)) {
    return Number(lastEventId) + 1;
  }
  throw new TableError(
    'invalid_params',
    `Last-Event-ID must be the id of an event, which is a revision; got ${JSON.stringify(lastEventId)}`,
  );
}
