/** Raw JSON to calls; `params.ts` checks what they carry. Nothing else in client or member looks at JSON that came from outside. */
import { TableError } from './errors.ts';
import type { RequestId } from './frame.ts';
import { jsonFault } from './json-fault.ts';
import { limits } from './limits.ts';
import { isMethodName, type MethodName, methodNames } from './methods.ts';
import { describe, didYouMean, isRecord, quote } from './wording.ts';

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
  if (!isRequestId(id)) {
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

/** A number beyond all doubles reads as Infinity, which no answer could give back as JSON. */
function isRequestId(id: unknown): id is RequestId | undefined {
  return id === undefined || id === null || typeof id === 'string' || Number.isFinite(id);
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
