/** Requests as bytes, inside a command. */
import { DecodeError, type Reader, type Writer } from '../base/codec.ts';
import type { KeyRange } from './key-range.ts';
import type { KeyValue } from './key-value.ts';
import type { Compare, PutRequest, RangeRequest, TxnOperation, TxnRequest } from './requests.ts';

const sortOrders = ['none', 'ascend', 'descend'] as const;
const sortTargets = ['key', 'version', 'create', 'mod', 'value'] as const;
const operators = ['=', '!=', '<', '>'] as const;
const targets = ['version', 'create', 'mod', 'value', 'lease'] as const;
const operations = ['range', 'put', 'deleteRange', 'txn'] as const;
/** A writer of commands is trusted, a length in damaged bytes is not: no tree is deeper than its budget. */
const depthMax = 256;

function readOf<Name>(names: readonly Name[], reader: Reader): Name {
  const name = names[reader.u8()];
  if (name === undefined) throw new DecodeError('a request holds an unknown choice');
  return name;
}

export function readRangeEnd(reader: Reader): KeyRange {
  return { key: reader.string(), rangeEnd: reader.string() };
}

const putFlags = { prevKv: 1, ignoreValue: 2, ignoreLease: 4 } as const;

export function writePut(writer: Writer, put: PutRequest): void {
  const flags =
    (put.prevKv ? putFlags.prevKv : 0) |
    (put.ignoreValue ? putFlags.ignoreValue : 0) |
    (put.ignoreLease ? putFlags.ignoreLease : 0);
  writer.string(put.key).string(put.value).text(put.lease).u8(flags);
}

export function readPut(reader: Reader): PutRequest {
  const key = reader.string();
  const value = reader.string();
  const lease = reader.text();
  const flags = reader.u8();
  return {
    key,
    value,
    lease,
    prevKv: (flags & putFlags.prevKv) !== 0,
    ignoreValue: (flags & putFlags.ignoreValue) !== 0,
    ignoreLease: (flags & putFlags.ignoreLease) !== 0,
  };
}

function writeRange(writer: Writer, range: RangeRequest): void {
  writer
    .string(range.key)
    .string(range.rangeEnd)
    .number(range.limit)
    .number(range.revision)
    .flag(range.keysOnly)
    .flag(range.countOnly)
    .u8(sortOrders.indexOf(range.sortOrder))
    .u8(sortTargets.indexOf(range.sortTarget))
    .number(range.minModRevision)
    .number(range.maxModRevision)
    .number(range.minCreateRevision)
    .number(range.maxCreateRevision);
}

function readRange(reader: Reader): RangeRequest {
  return {
    ...readRangeEnd(reader),
    limit: reader.number(),
    revision: reader.number(),
    keysOnly: reader.flag(),
    countOnly: reader.flag(),
    sortOrder: readOf(sortOrders, reader),
    sortTarget: readOf(sortTargets, reader),
    minModRevision: reader.number(),
    maxModRevision: reader.number(),
    minCreateRevision: reader.number(),
    maxCreateRevision: reader.number(),
  };
}

function writeCompare(writer: Writer, compare: Compare): void {
  writer
    .string(compare.key)
    .string(compare.rangeEnd)
    .u8(operators.indexOf(compare.operator))
    .u8(targets.indexOf(compare.target));
  if (compare.target === 'value') writer.string(compare.operand);
  else if (compare.target === 'lease') writer.text(compare.operand);
  else writer.number(compare.operand);
}

function readCompare(reader: Reader): Compare {
  const range = readRangeEnd(reader);
  const operator = readOf(operators, reader);
  const target = readOf(targets, reader);
  if (target === 'value') return { ...range, operator, target, operand: reader.string() };
  if (target === 'lease') return { ...range, operator, target, operand: reader.leaseId() };
  return { ...range, operator, target, operand: reader.number() };
}

export function writeTxn(writer: Writer, txn: TxnRequest): void {
  writer.number(txn.compares.length);
  for (const compare of txn.compares) writeCompare(writer, compare);
  for (const branch of [txn.success, txn.failure]) {
    writer.number(branch.length);
    for (const operation of branch) writeOperation(writer, operation);
  }
}

export function readTxn(reader: Reader, depth = 0): TxnRequest {
  if (depth > depthMax) throw new DecodeError('a transaction is nested too deep');
  const compares: Compare[] = [];
  for (let left = reader.count(); left > 0; left--) compares.push(readCompare(reader));
  return { compares, success: readBranch(reader, depth), failure: readBranch(reader, depth) };
}

function readBranch(reader: Reader, depth: number): TxnOperation[] {
  const branch: TxnOperation[] = [];
  for (let left = reader.count(); left > 0; left--) branch.push(readOperation(reader, depth));
  return branch;
}

function writeOperation(writer: Writer, operation: TxnOperation): void {
  writer.u8(operations.indexOf(operation.type));
  switch (operation.type) {
    case 'range':
      return writeRange(writer, operation.request);
    case 'put':
      return writePut(writer, operation.request);
    case 'deleteRange': {
      const { key, rangeEnd, prevKv } = operation.request;
      writer.string(key).string(rangeEnd).flag(prevKv);
      return;
    }
    case 'txn':
      return writeTxn(writer, operation.request);
  }
}

function readOperation(reader: Reader, depth: number): TxnOperation {
  const type = readOf(operations, reader);
  switch (type) {
    case 'range':
      return { type, request: readRange(reader) };
    case 'put':
      return { type, request: readPut(reader) };
    case 'deleteRange':
      return { type, request: { ...readRangeEnd(reader), prevKv: reader.flag() } };
    case 'txn':
      return { type, request: readTxn(reader, depth + 1) };
  }
}

export function writeKeyValue(writer: Writer, kv: KeyValue): void {
  writer
    .string(kv.key)
    .string(kv.value)
    .number(kv.createRevision)
    .number(kv.modRevision)
    .number(kv.version)
    .text(kv.lease);
}

export function readKeyValue(reader: Reader): KeyValue {
  return {
    key: reader.string(),
    value: reader.string(),
    createRevision: reader.number(),
    modRevision: reader.number(),
    version: reader.number(),
    lease: reader.text(),
  };
}
