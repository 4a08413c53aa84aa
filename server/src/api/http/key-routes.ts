import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  arrayFromBytes,
  bytesFromArray,
  bytesFromWire,
  emptyBytes,
  limits,
  parseParams,
  type RangeResult,
  TableError,
  type WireKeyValue,
  wireFromBytes,
} from '@lockstep/client/protocol';
import type { CallContext, Service } from '../../service/service.ts';
import { sendJson, sendText } from './answers.ts';
import { readBody } from './body.ts';
import { decodePercent, queryParams, type Target } from './url.ts';

export const keyPath = '/v1/kv/';

const rangeNames = [
  'prefix',
  'rangeEnd',
  'limit',
  'revision',
  'serializable',
  'keysOnly',
  'countOnly',
  'minRevision',
  'sortOrder',
  'sortTarget',
  'minModRevision',
  'maxModRevision',
  'minCreateRevision',
  'maxCreateRevision',
];

const putNames = ['lease', 'prevKv', 'ignoreValue', 'ignoreLease'];

/** PROTOCOL [W-51]: `/v1/kv/<key>` for curl. The key is the rest of the path, slashes and all. */
export class KeyRoutes {
  readonly #service: Service;

  constructor(service: Service) {
    this.#service = service;
  }

  /** @throws TableError. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    target: Target,
    context: CallContext,
  ): Promise<void> {
    const key = wireFromBytes(decodePercent(target.path.slice(keyPath.length)));
    switch (request.method) {
      case 'GET':
      case 'HEAD':
        return this.#get(response, key, target.query, context);
      case 'PUT': {
        const query = queryParams(target.query, 'kv.put', putNames);
        const value = bytesFromArray(await readBody(request, limits.requestBytesMax));
        const params = parseParams('kv.put', { ...query, key, value: wireFromBytes(value) });
        sendJson(response, 200, await this.#service.call('kv.put', params, context));
        return;
      }
      case 'DELETE': {
        const query = queryParams(target.query, 'kv.deleteRange', ['prefix', 'rangeEnd', 'prevKv']);
        const params = parseParams('kv.deleteRange', withSelector(query, key));
        sendJson(response, 200, await this.#service.call('kv.deleteRange', params, context));
        return;
      }
      default:
        response.setHeader('allow', 'GET, HEAD, PUT, DELETE');
        throw new TableError('method_not_allowed', 'a key takes GET, HEAD, PUT and DELETE');
    }
  }

  async #get(
    response: ServerResponse,
    key: unknown,
    queryText: string,
    context: CallContext,
  ): Promise<void> {
    const query = queryParams(queryText, 'kv.range', rangeNames);
    const params = parseParams('kv.range', withSelector(query, key));
    const result = await this.#service.call('kv.range', params, context);
    const asksForJson =
      params.prefix !== undefined || params.rangeEnd !== undefined || params.keysOnly;
    if (asksForJson || params.countOnly) sendJson(response, 200, result);
    else sendValue(response, result);
  }
}

/** `?prefix` says that the path is one; a param of that name must not reach the method as a flag. */
function withSelector(query: Record<string, unknown>, key: unknown): Record<string, unknown> {
  const { prefix, ...others } = query;
  if (prefix === undefined || prefix === 'false') return { ...others, key };
  if (prefix === true || prefix === 'true' || prefix === '') return { ...others, prefix: key };
  throw new TableError(
    'invalid_params',
    'on this path prefix stands alone, as in /v1/kv/config/?prefix; the path itself is the prefix',
  );
}

function sendValue(response: ServerResponse, result: RangeResult): void {
  response.setHeader('lockstep-revision', result.header.revision);
  const kv = result.kvs[0];
  if (kv === undefined) throw new TableError('not_found', 'there is no such key');
  setPairHeaders(response, kv);
  if (typeof kv.value === 'string') {
    sendText(response, 200, 'text/plain; charset=utf-8', kv.value);
    return;
  }
  const bytes = arrayFromBytes(bytesFromWire(kv.value) ?? emptyBytes);
  sendText(response, 200, 'application/octet-stream', bytes);
}

function setPairHeaders(response: ServerResponse, kv: WireKeyValue): void {
  response.setHeader('lockstep-create-revision', kv.createRevision);
  response.setHeader('lockstep-mod-revision', kv.modRevision);
  response.setHeader('lockstep-version', kv.version);
  if (kv.lease !== undefined) response.setHeader('lockstep-lease', kv.lease);
}
