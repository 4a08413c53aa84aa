import {
  type ByteString,
  type MethodName,
  paramKind,
  TableError,
  unknownParam,
  wireFromBytes,
} from '@lockstep/client/protocol';

/** A request target as it came: Node gives one character per byte, nothing decoded or normalised. */
export interface Target {
  readonly path: string;
  /** Without the question mark; empty when there is none. */
  readonly query: string;
}

export function splitTarget(url: string): Target {
  const mark = url.indexOf('?');
  if (mark < 0) return { path: url, query: '' };
  return { path: url.slice(0, mark), query: url.slice(mark + 1) };
}

/**
 * PROTOCOL [W-51]: percent escapes decoded once, to bytes; a plus sign is a plus sign.
 * @throws TableError `invalid_params` for a percent sign that begins no escape.
 */
export function decodePercent(text: string): ByteString {
  const bytes = text.replace(/%([0-9a-fA-F]{2})?/g, (_, digits: string | undefined) => {
    if (digits !== undefined) return String.fromCharCode(Number.parseInt(digits, 16));
    throw new TableError('invalid_params', 'a % in a URL begins an escape; a plain % is %25');
  });
  // Each character of the target was a byte, and each escape is one.
  return bytes as ByteString;
}

/**
 * The query of a sugar path as raw params of the method it stands for. Flags may stand alone.
 * @throws TableError `invalid_params` for a name that is not in `allowed`, or that comes twice.
 */
export function queryParams(
  query: string,
  method: MethodName,
  allowed: readonly string[],
): Record<string, unknown> {
  const params: Record<string, unknown> = {};
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodePercent(equals < 0 ? pair : pair.slice(0, equals));
    const text = equals < 0 ? undefined : decodePercent(pair.slice(equals + 1));
    if (!allowed.includes(name)) throw unknownParam(method, name, allowed);
    if (Object.hasOwn(params, name)) {
      throw new TableError('invalid_params', `${name} is there twice`);
    }
    params[name] = fromText(text, paramKind(method, name));
  }
  return params;
}

function fromText(text: ByteString | undefined, kind: string | undefined): unknown {
  if (text === undefined) return true;
  if (kind === 'flag') return text === 'true' || text === '' || (text === 'false' ? false : text);
  if (kind === 'count') return /^\d+$/.test(text) ? Number(text) : text;
  return wireFromBytes(text);
}
