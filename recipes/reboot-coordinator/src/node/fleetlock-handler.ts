import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FleetLock, FleetLockAnswer } from '../fleetlock/fleet-lock.ts';
import { certificateRefusal, tokenRefusal } from './fleetlock-credentials.ts';
import {
  bodyBytesMax,
  type FleetLockVerb,
  paramsIn,
  readBody,
  verbIn,
} from './fleetlock-request.ts';

export interface FleetLockHandlerOptions {
  /** Where `/v1/...` is, such as `/fleetlock`. Default the root. */
  readonly basePath?: string;
  /** How long a client may take to send its body. Default 10 s. */
  readonly bodyWithinMs?: number;
  /** So many requests may be under way; the next is refused. Default 5,000. */
  readonly requestsMax?: number;
  /** The client's certificate must name the group; for servers that ask for one. */
  readonly certificateGroups?: boolean;
  /** Ends requests that are held, when the server stops: they are answered with 503. */
  readonly signal?: AbortSignal;
  /** Told of every answer. */
  readonly onAnswer?: (answer: FleetLockAnswered) => void;
  /** Told of what should not happen; the client gets 500. */
  readonly onTrouble?: (message: string) => void;
}

export interface FleetLockAnswered {
  /** `other` for a path that is neither. */
  readonly call: FleetLockVerb | 'other';
  readonly status: number;
  /** `ok` for a yes. */
  readonly kind: string;
}

/** When to come again, in seconds, for who has to. */
const retryAfterSeconds = 5;

/**
 * FleetLock v1 as a request handler of `node:http` or `node:https`, or of a framework that has not read the body. A yes
 * is exactly 200 with an empty body; everything else is a no, with `{"kind","value"}`.
 * @returns the handler, which never throws.
 */
export function fleetLockHandler(
  fleetLock: FleetLock,
  options: FleetLockHandlerOptions = {},
): (request: IncomingMessage, response: ServerResponse) => void {
  const { requestsMax = 5_000, onAnswer, onTrouble, basePath = '' } = options;
  let underWay = 0;
  return (request, response) => {
    const verb = verbIn(request.url ?? '', basePath);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const end = (answer: FleetLockAnswer): void => {
      if (gone.signal.aborted) return;
      onAnswer?.({
        call: verb ?? 'other',
        status: answer.status,
        kind: answer.status === 200 ? 'ok' : answer.kind,
      });
      send(request, response, answer);
    };
    if (underWay >= requestsMax) {
      end({ status: 503, kind: 'busy', value: `${underWay} requests are under way; try again` });
      return;
    }
    underWay++;
    answerTo(fleetLock, { request, verb, gone: gone.signal, options })
      .catch((error: unknown): FleetLockAnswer => {
        onTrouble?.(error instanceof Error ? (error.stack ?? error.message) : String(error));
        return {
          status: 500,
          kind: 'internal_error',
          value: 'a fault of the server; its log tells',
        };
      })
      .then(end)
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
      .finally(() => {
        underWay--;
      });
  };
}

interface Asked {
  readonly request: IncomingMessage;
  readonly verb: FleetLockVerb | undefined;
  readonly gone: AbortSignal;
  readonly options: FleetLockHandlerOptions;
}

async function answerTo(fleetLock: FleetLock, asked: Asked): Promise<FleetLockAnswer> {
  const { request, verb, gone, options } = asked;
  if (verb === undefined) {
    const value =
      'there is /v1/pre-reboot and /v1/steady-state, below the base path of this server';
    return { status: 404, kind: 'not_found', value };
  }
  if (request.method !== 'POST') {
    const value = `${request.method} is no method of FleetLock: use POST`;
    return { status: 405, kind: 'method_not_allowed', value };
  }
  if (request.headers['fleet-lock-protocol'] !== 'true') {
    const value = 'the header "fleet-lock-protocol: true" is missing, so this may be a mistake';
    return { status: 400, kind: 'missing_header', value };
  }
  const body = await readBody(request, options.bodyWithinMs ?? 10_000);
  if ('refusal' in body) return body.refusal;
  const params = paramsIn(body.value);
  if ('refusal' in params) return params.refusal;
  const { id, group } = params.value;
  const stop = options.signal;
  const answer = await fleetLock[verb === 'pre-reboot' ? 'preReboot' : 'steadyState']({
    id,
    group,
    signal: stop === undefined ? gone : AbortSignal.any([gone, stop]),
    admits: (policy, of) =>
      (options.certificateGroups === true ? certificateRefusal(request, of) : undefined) ??
      tokenRefusal(request, of, policy),
  });
  if (answer.kind !== 'client_gone') return answer;
  return { status: 503, kind: 'stopping', value: 'this server stops; ask again, at another one' };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, kind, value }: FleetLockAnswer,
): void {
  const body = status === 200 ? '' : `${JSON.stringify({ kind, value })}\n`;
  response.statusCode = status;
  if (status === 405) response.setHeader('allow', 'POST');
  if (status === 401) response.setHeader('www-authenticate', 'Bearer realm="fleetlock"');
  if (status === 503) response.setHeader('retry-after', String(retryAfterSeconds));
  if (status !== 200) response.setHeader('content-type', 'application/json');
  response.setHeader('content-length', Buffer.byteLength(body));
  if (request.complete) {
    response.end(body);
    return;
  }
  // What is left of the body is not waited for, and nothing can follow it; a short rest is read, so that the answer is not lost.
  response.setHeader('connection', 'close');
  let rest = 0;
  request.on('data', (chunk: Buffer) => {
    rest += chunk.length;
    if (rest > bodyBytesMax * 16) request.destroy();
  });
  response.end(body);
}
