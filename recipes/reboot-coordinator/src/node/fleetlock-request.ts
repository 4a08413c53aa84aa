import type { IncomingMessage } from 'node:http';
import { isObject } from '../policy/json-object.ts';

/** What a request of FleetLock is about, or why it is none. */
export type Read<Value> = { readonly value: Value } | { readonly refusal: FleetLockRefusal };

export interface FleetLockRefusal {
  readonly status: number;
  /** Of a small set. */
  readonly kind: string;
  /** For people: what was wrong, and what would be right. */
  readonly value: string;
}

export type FleetLockVerb = 'pre-reboot' | 'steady-state';

export interface FleetLockParams {
  readonly id: string;
  readonly group: string;
}

export const bodyBytesMax = 64 * 1024;

function refused(status: number, kind: string, value: string): { refusal: FleetLockRefusal } {
  return { refusal: { status, kind, value } };
}

/** Which call a URL names, below `basePath` and with any number of slashes for one. */
export function verbIn(url: string, basePath: string): FleetLockVerb | undefined {
  // A proxy may name the whole URL.
  const path = (url.replace(/^https?:\/\/[^/?]*/i, '').split('?')[0] ?? '').replace(/\/{2,}/g, '/');
  const base = `/${basePath}/`.replace(/\/{2,}/g, '/');
  if (!path.startsWith(base)) return undefined;
  const rest = path.slice(base.length);
  if (rest === 'v1/pre-reboot') return 'pre-reboot';
  return rest === 'v1/steady-state' ? 'steady-state' : undefined;
}

/** Reads the body, of at most 64 KiB, within a time. Rejects never. */
export function readBody(request: IncomingMessage, withinMs: number): Promise<Read<Buffer>> {
  const tooLarge = refused(
    413,
    'body_too_large',
    `a body has at most ${bodyBytesMax} bytes; {"client_params":{"id":...,"group":...}} is all there is to say`,
  );
  if (Number(request.headers['content-length'] ?? 0) > bodyBytesMax)
    return Promise.resolve(tooLarge);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (read: Read<Buffer>): void => {
      clearTimeout(timer);
      request.off('data', take).off('end', whole).off('close', cut);
      resolve(read);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) end(tooLarge);
      else chunks.push(chunk);
    };
    const whole = (): void => end({ value: Buffer.concat(chunks) });
    const cut = (): void => end(refused(400, 'body_cut', 'the connection ended within the body'));
    const late = (): void =>
      end(refused(408, 'body_timeout', `the body did not come within ${withinMs / 1000} s`));
    const timer = setTimeout(late, withinMs);
    request.on('data', take).once('end', whole).once('close', cut);
  });
}

/** Who asks, from a body of any content type. */
export function paramsIn(body: Buffer): Read<FleetLockParams> {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return refused(400, 'malformed_json', `the body is no JSON; it is ${shape}`);
  }
  if (!isObject(document)) {
    return refused(400, 'not_an_object', `the body is no JSON object; it is ${shape}`);
  }
  const { client_params: params } = document;
  if (!isObject(params)) {
    return refused(
      400,
      'missing_client_params',
      `there is no object "client_params"; the body is ${shape}`,
    );
  }
  const { id, group } = params;
  if (typeof id !== 'string' || id === '') {
    return refused(
      400,
      'bad_id',
      `client_params.id must be text that is not empty, not ${shown(id)}`,
    );
  }
  if (typeof group !== 'string' || !/^[a-zA-Z0-9.-]+$/.test(group)) {
    return refused(
      400,
      'bad_group',
      `client_params.group must be letters, digits, "." and "-", not ${shown(group)}`,
    );
  }
  return { value: { id, group } };
}

const shape = '{"client_params":{"id":"<id of the host>","group":"<its group>"}}';

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
