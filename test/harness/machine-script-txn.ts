/** Transactions in a machine script: `if="mod a = 2" then="put a 1; get a" else="delete a"`. */
import type { Compare, PutRequest, TxnOperation } from '../../server/src/core/mvcc/requests.ts';
import { type ByteString, emptyBytes, noLease } from '../../server/src/core/mvcc/values.ts';
import { ScriptError } from './golden.ts';

/** Parts between semicolons; those in square brackets stay together. */
export function splitList(text: string | undefined): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const character of text ?? '') {
    if (character === '[') depth++;
    if (character === ']') depth--;
    if (character === ';' && depth === 0) {
      parts.push(part.trim());
      part = '';
    } else part += character;
  }
  if (part.trim() !== '') parts.push(part.trim());
  return parts;
}

/** `target key operator operand`; a key `a..b` is a range. */
export function parseCompare(text: string): Compare {
  const [target = '', name = '', operator = '=', operand = ''] = text.split(/\s+/);
  const [key = '', end = ''] = name.split('..');
  const range = {
    key: key as ByteString,
    rangeEnd: (name.includes('..') ? end : emptyBytes) as ByteString,
    // A script that names another operator is wrong, and shows it.
    operator: operator as Compare['operator'],
  };
  if (target === 'value') return { ...range, target, operand: operand as ByteString };
  if (target === 'lease') return { ...range, target, operand };
  if (target === 'version' || target === 'create' || target === 'mod') {
    return { ...range, target, operand: Number(operand) };
  }
  throw new ScriptError(`"${text}" is no condition`);
}

/** `put a 1`, `delete a`, `get a`, `get a rev 5`, `keep a` (a put that keeps the value), `[if c; c : op; op]`. */
export function operationOf(text: string): TxnOperation {
  if (text.startsWith('[')) {
    const [conditions = '', operations = ''] = text.slice(1, -1).split(' : ');
    const compares = splitList(conditions.replace(/^if ?/, '')).map(parseCompare);
    const success = splitList(operations).map(operationOf);
    return { type: 'txn', request: { compares, success, failure: [] } };
  }
  const [verb, key = '', value = '', revision = '0'] = text.split(/\s+/);
  const at = { key: key as ByteString, rangeEnd: emptyBytes };
  switch (verb) {
    case 'put':
      return { type: 'put', request: putOf(key, value) };
    case 'keep':
      return { type: 'put', request: putOf(key, '', { ignoreValue: true }) };
    case 'delete':
      return { type: 'deleteRange', request: { ...at, prevKv: false } };
    case 'get':
      return {
        type: 'range',
        request: {
          ...at,
          limit: 0,
          revision: Number(revision),
          keysOnly: false,
          countOnly: false,
          sortOrder: 'none',
          sortTarget: 'key',
          minModRevision: 0,
          maxModRevision: 0,
          minCreateRevision: 0,
          maxCreateRevision: 0,
        },
      };
    default:
      throw new ScriptError(`"${text}" is no operation`);
  }
}

export function putOf(key: string, value: string, options: Partial<PutRequest> = {}): PutRequest {
  return {
    key: key as ByteString,
    value: value as ByteString,
    lease: noLease,
    prevKv: true,
    ignoreValue: false,
    ignoreLease: false,
    ...options,
  };
}
