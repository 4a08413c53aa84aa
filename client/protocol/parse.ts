/** Raw JSON to typed calls. Nothing else in client or member looks at JSON that came from outside. */
import { TableError } from './errors.ts';
import type { RequestId } from './frame.ts';
import { jsonFault } from './json-fault.ts';
import { limits } from './limits.ts';
import { isMethodName, type MethodName, methodNames, type ParamsOf } from './methods.ts';
import { nearest } from './nearest.ts';

/** What a field of params may hold, and the words that say so. */
const kinds = {
  bytes: 'a string, or {"base64": "..."} for bytes that are not UTF-8',
  count: 'a whole number, 0 or greater',
  flag: 'true or false',
  id: 'a decimal number in a string, as in "42"',
} as const;

type Kind = keyof typeof kinds;
type Field<Required extends boolean> = { readonly kind: Kind; readonly required: Required };
type FieldsOf<Params> = {
  readonly [Name in keyof Params]-?: Field<
    Record<never, never> extends Pick<Params, Name> ? false : true
  >;
};

const needed = (kind: Kind): Field<true> => ({ kind, required: true });
const optional = (kind: Kind): Field<false> => ({ kind, required: false });

const selector = {
  key: optional('bytes'),
  rangeEnd: optional('bytes'),
  prefix: optional('bytes'),
};

/** The params of every method; the compiler holds it to the model. */
const fieldTable: {
  readonly [Name in MethodName]: FieldsOf<
    ParamsOf<Name> extends Record<string, never> ? unknown : ParamsOf<Name>
  >;
} = {
  'kv.range': {
    ...selector,
    limit: optional('count'),
    revision: optional('count'),
    serializable: optional('flag'),
    keysOnly: optional('flag'),
    countOnly: optional('flag'),
    minRevision: optional('count'),
  },
  'kv.put': { key: needed('bytes'), value: needed('bytes'), prevKv: optional('flag') },
  'kv.deleteRange': { ...selector, prevKv: optional('flag') },
  'watch.create': {
    ...selector,
    startRevision: optional('count'),
    watchId: optional('count'),
    prevKv: optional('flag'),
    minRevision: optional('count'),
  },
  'watch.cancel': { watchId: needed('count') },
  'cluster.members': {},
  'maintenance.status': {},
  'maintenance.moveLeader': { targetId: needed('id') },
};

type Row = {
  readonly fields: ReadonlyMap<string, Field<boolean>>;
  readonly required: readonly string[];
};

const rows: ReadonlyMap<string, Row> = new Map(
  Object.entries(fieldTable).map(([method, fields]: [string, Record<string, Field<boolean>>]) => {
    const required = Object.keys(fields).filter((name) => fields[name]?.required);
    return [method, { fields: new Map(Object.entries(fields)), required }];
  }),
);

/** The names of a method's params, in the order of the document. */
export function paramNames(method: MethodName): readonly string[] {
  return [...(rows.get(method)?.fields.keys() ?? [])];
}

/** True when the method's param is a `true or false`; doors that read text need to know. */
export function paramKind(method: MethodName, name: string): Kind | undefined {
  return rows.get(method)?.fields.get(name)?.kind;
}

/**
 * PROTOCOL [W-6]: the params of a call, checked field by field. `raw` must be fresh from
 * JSON.parse: it is what is returned, with operands beyond 2^53 - 1 lowered to that [W-21].
 * @throws TableError `invalid_params`, naming the field, what it held and what would be right.
 */
export function parseParams<Name extends MethodName>(method: Name, raw: unknown): ParamsOf<Name> {
  const row = rows.get(method);
  const params = raw === undefined ? {} : raw;
  if (!isRecord(params)) {
    throw invalid(`params of ${method} must be an object with names, got ${describe(params)}`);
  }
  for (const name in params) {
    const field = row?.fields.get(name);
    if (field === undefined) throw unknownParam(method, name);
    checkField(params, name, field.kind);
  }
  for (const name of row?.required ?? []) {
    if (params[name] === undefined) {
      const kind = row?.fields.get(name)?.kind ?? 'bytes';
      throw invalid(`params.${name} is missing: ${method} needs ${kinds[kind]}`);
    }
  }
  // The table above is checked against ParamsOf, and every field was checked against the table.
  return params as ParamsOf<Name>;
}

function checkField(params: Record<string, unknown>, name: string, kind: Kind): void {
  const value = params[name];
  if (kind === 'bytes') {
    if (typeof value === 'string') return;
    if (isRecord(value) && typeof value.base64 === 'string' && Object.keys(value).length === 1) {
      return;
    }
  } else if (kind === 'count') {
    if (typeof value === 'number' && value >= 0) {
      if (value > Number.MAX_SAFE_INTEGER) params[name] = Number.MAX_SAFE_INTEGER;
      if (Number.isInteger(params[name])) return;
    }
  } else if (kind === 'flag') {
    if (typeof value === 'boolean') return;
  } else if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) {
    return;
  }
  throw invalid(`params.${name} must be ${kinds[kind]}; got ${describe(value)}`);
}

/** One call as a client sent it, or why it is not one. */
export interface ClientCall {
  /** Undefined for a notification: it is run and not answered. */
  readonly id: RequestId | undefined;
  readonly method: string;
  readonly params: unknown;
  readonly fault: TableError | undefined;
}

/**
 * One text frame of a client: a call, or the calls of a batch.
 * @throws TableError `parse_error` when it is not JSON, `invalid_request` for an empty batch or
 * one of more than 64 calls. A single call that is no request comes back with its `fault`.
 */
export function parseClientFrame(text: string): ClientCall | ClientCall[] {
  const raw = parseJson(text);
  if (!Array.isArray(raw)) return parseCall(raw);
  const most = limits.batchRequestsMax;
  if (raw.length === 0) {
    throw new TableError(
      'invalid_request',
      `a batch holds 1 to ${most} requests; this one is empty`,
    );
  }
  if (raw.length > most) {
    throw new TableError(
      'invalid_request',
      `a batch holds at most ${most} requests; this one has ${raw.length}, and none of them was run`,
    );
  }
  return raw.map(parseCall);
}

/**
 * JSON text to a value.
 * @throws TableError `parse_error` that says where the text stops being JSON.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const at = jsonFault(text) ?? text.length;
    const where =
      at >= text.length
        ? `it ends at position ${text.length}, too early`
        : `unexpected ${JSON.stringify(text[at])} at position ${at}, near ${quote(text.slice(Math.max(0, at - 10), at + 10))}`;
    throw new TableError('parse_error', `the text is not JSON: ${where}`);
  }
}

const requestNames = ['jsonrpc', 'id', 'method', 'params'];

function parseCall(raw: unknown): ClientCall {
  if (!isRecord(raw)) {
    return fault(null, `a request must be a JSON object, got ${describe(raw)}`);
  }
  const { id, method } = raw;
  if (id !== undefined && id !== null && typeof id !== 'string' && typeof id !== 'number') {
    return fault(null, `id must be a string or a number; got ${describe(id)}`);
  }
  const answerTo = id ?? null;
  if (raw.jsonrpc !== '2.0') {
    return fault(answerTo, `jsonrpc must be "2.0"; got ${describe(raw.jsonrpc)}`);
  }
  if (typeof method !== 'string') {
    return fault(answerTo, `method must be a string; got ${describe(method)}`);
  }
  for (const name in raw) {
    if (!requestNames.includes(name)) {
      return fault(
        answerTo,
        `${quote(name)} is not a member of a request${didYouMean(name, requestNames)}`,
      );
    }
  }
  return { id, method, params: raw.params, fault: undefined };
}

function fault(id: RequestId, message: string): ClientCall {
  return { id, method: '', params: undefined, fault: new TableError('invalid_request', message) };
}

/**
 * The method of that name.
 * @throws TableError `unknown_method` with the nearest name, or all of them.
 */
export function parseMethod(name: string): MethodName {
  if (isMethodName(name)) return name;
  const hint = didYouMean(name, methodNames) || `; the methods are ${methodNames.join(', ')}`;
  throw new TableError('unknown_method', `${quote(name)} is not a method${hint}`);
}

/** The refusal of a param that is not among `names`, by default those of the method. */
export function unknownParam(
  method: MethodName,
  name: string,
  names: readonly string[] = paramNames(method),
): TableError {
  const all = names.length === 0 ? '; it takes none' : `; there are ${names.join(', ')}`;
  return invalid(
    `params.${clip(name)} is not a parameter of ${method}${didYouMean(name, names) || all}`,
  );
}

function didYouMean(name: string, known: readonly string[]): string {
  const match = nearest(name, known);
  return match === undefined ? '' : `; did you mean ${match}?`;
}

function invalid(message: string): TableError {
  return new TableError('invalid_params', message);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value in words, for error messages: short whatever came. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object') {
    const names = Object.keys(value);
    if (names.length === 0) return 'an empty object';
    return `an object with ${clip(names.slice(0, 3).join(', '))}`;
  }
  if (typeof value === 'string') return `the string ${quote(value)}`;
  return clip(String(value));
}

function quote(text: string): string {
  return JSON.stringify(clip(text));
}

function clip(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}...`;
}
