import { TableError } from './errors.ts';
import {
  choices,
  type FieldTable,
  type Kind,
  kinds,
  methodTables,
  nestedTables,
} from './fields.ts';
import { limits } from './limits.ts';
import type { MethodName, ParamsOf } from './methods.ts';
import { clip, describe, didYouMean, isRecord } from './wording.ts';

/** The names of a method's params, in the order of the document. */
export function paramNames(method: MethodName): readonly string[] {
  return methodTables.get(method)?.names ?? [];
}

/** What a method's param may hold; doors that read text need to know. */
export function paramKind(method: MethodName, name: string): Kind | undefined {
  return methodTables.get(method)?.fields.get(name)?.kind;
}

/**
 * PROTOCOL [W-6]: the params of a call, checked field by field. `raw` must be fresh from
 * JSON.parse: it is what is returned, with operands beyond 2^53 - 1 lowered to that [W-21].
 * @throws TableError `invalid_params`, naming the field, what it held and what would be right;
 * `invalid_sort_option`, and `too_many_operations` for transactions that are nested too deep.
 */
export function parseParams<Name extends MethodName>(method: Name, raw: unknown): ParamsOf<Name> {
  const table = methodTables.get(method);
  const params = raw === undefined ? {} : raw;
  if (!isRecord(params)) {
    throw invalid(`params of ${method} must be an object with names, got ${describe(params)}`);
  }
  if (table !== undefined) checkFields(params, table, 'params', 0);
  // The tables are checked against the model by the compiler, and every field against its table.
  return params as ParamsOf<Name>;
}

/** `path` is where the object stands; `depth` counts the transactions it is inside of. */
function checkFields(
  params: Record<string, unknown>,
  table: FieldTable,
  path: string,
  depth: number,
): void {
  for (const name in params) {
    const field = table.fields.get(name);
    if (field === undefined) throw unknownField(path, table.owner, name, table.names);
    checkField(params, name, field.kind, path, depth);
  }
  for (const name of table.required) {
    if (params[name] !== undefined) continue;
    const kind = table.fields.get(name)?.kind ?? 'bytes';
    throw invalid(`${path}.${name} is missing: ${table.owner} needs ${kinds[kind]}`);
  }
}

function checkField(
  params: Record<string, unknown>,
  name: string,
  kind: Kind,
  path: string,
  depth: number,
): void {
  const value = params[name];
  switch (kind) {
    case 'bytes':
      if (typeof value === 'string' || isBase64(value)) return;
      break;
    case 'count':
      if (isCount(params, name)) return;
      break;
    case 'address':
    case 'text':
      if (typeof value === 'string') return;
      break;
    case 'flag':
      if (typeof value === 'boolean') return;
      break;
    case 'operand':
      if (typeof value === 'string' || isBase64(value) || isCount(params, name)) return;
      break;
    case 'id':
      if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) return;
      break;
    case 'leaseId':
      if (typeof value === 'string' && isLeaseId(value)) return;
      break;
    default:
      if (typeof value === 'string') {
        if (choices[kind]?.includes(value)) return;
      } else if (checkNested(value, kind, `${path}.${name}`, depth)) return;
  }
  const wrong = `${path}.${name} must be ${kinds[kind]}; got ${describe(value)}`;
  if (kind === 'sortOrder' || kind === 'sortTarget') {
    throw new TableError('invalid_sort_option', `etcdserver: invalid sort option; ${wrong}`);
  }
  throw invalid(wrong);
}

/** Checks a value that holds further fields; false when it is of another type altogether. */
function checkNested(value: unknown, kind: Kind, path: string, depth: number): boolean {
  switch (kind) {
    case 'once':
    case 'range':
    case 'put':
    case 'deleteRange':
      return checkObject(value, nestedTables[kind], path, depth);
    case 'txn':
      // Each level takes at least one operation of the budget, so this bounds the recursion as well.
      if (depth >= limits.txnOperationsMax) {
        throw new TableError(
          'too_many_operations',
          `etcdserver: too many operations in txn request; transactions may be nested ${limits.txnOperationsMax} deep`,
        );
      }
      return checkObject(value, nestedTables.txn, path, depth + 1);
    case 'selectors':
    case 'compares':
      return checkList(value, nestedTables[kind], path, depth);
    case 'operations':
      return checkList(value, nestedTables.operations, path, depth, oneOperation);
    default:
      return false;
  }
}

function checkList(
  value: unknown,
  table: FieldTable,
  path: string,
  depth: number,
  check?: (item: object, path: string) => void,
): boolean {
  if (!Array.isArray(value)) return false;
  value.forEach((item: unknown, at) => {
    const place = `${path}[${at}]`;
    if (!isRecord(item)) throw invalid(`${place} must be an object; got ${describe(item)}`);
    checkFields(item, table, place, depth);
    check?.(item, place);
  });
  return true;
}

function oneOperation(operation: object, path: string): void {
  if (Object.keys(operation).length === 1) return;
  throw invalid(
    `${path} must have exactly one of range, put, deleteRange and txn; got ${describe(operation)}`,
  );
}

function checkObject(value: unknown, table: FieldTable, path: string, depth: number): boolean {
  if (!isRecord(value)) return false;
  checkFields(value, table, path, depth);
  return true;
}

function isBase64(value: unknown): boolean {
  return isRecord(value) && typeof value.base64 === 'string' && Object.keys(value).length === 1;
}

/** Lowers what is beyond 2^53 - 1 to that. */
function isCount(params: Record<string, unknown>, name: string): boolean {
  const value = params[name];
  if (typeof value !== 'number' || !(value >= 0)) return false;
  if (value > Number.MAX_SAFE_INTEGER) params[name] = Number.MAX_SAFE_INTEGER;
  return Number.isInteger(params[name]);
}

/** Whether it is a 64-bit number in its canonical form, so that one id is one text. */
export function isLeaseId(text: string): boolean {
  if (!/^(?:0|-?[1-9]\d{0,18})$/.test(text)) return false;
  return text.length < 19 || BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}

/** The refusal of a param that is not among `names`, by default those of the method. */
export function unknownParam(
  method: MethodName,
  name: string,
  names: readonly string[] = paramNames(method),
): TableError {
  return unknownField('params', method, name, names);
}

function unknownField(
  path: string,
  owner: string,
  name: string,
  names: readonly string[],
): TableError {
  const all = names.length === 0 ? '; it takes none' : `; there are ${names.join(', ')}`;
  return invalid(
    `${path}.${clip(name)} is not a parameter of ${owner}${didYouMean(name, names) || all}`,
  );
}

function invalid(message: string): TableError {
  return new TableError('invalid_params', message);
}
