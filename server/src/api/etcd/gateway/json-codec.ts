/** JSON as etcd's gateway has it: names as in the .proto files, bytes as base64, 64-bit numbers as strings, zero left out. */
import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageInitShape,
} from '@bufbuild/protobuf';
import {
  isReflectList,
  isReflectMessage,
  type ReflectMessage,
  reflect,
} from '@bufbuild/protobuf/reflect';
import { GrpcError, grpcCodes } from '../grpc/status.ts';

/**
 * A request from its text. Fields that the message does not have are passed over, as etcd does.
 * @throws GrpcError `invalidArgument` that says what is wrong.
 */
export function decodeJson(input: DescMessage, text: string): never {
  let json: JsonValue;
  try {
    json = JSON.parse(exactNumbers(text)) as JsonValue;
  } catch (error) {
    throw invalid(`the body is not JSON: ${messageOf(error)}`);
  }
  if (!isObject(json)) {
    throw invalid(`the body must be a JSON object, a ${input.typeName}, as {"key":"aGk="}`);
  }
  try {
    // The method that is called knows the type behind its description.
    return fromJson(input, knownFields(input, json)) as never;
  } catch (error) {
    throw invalid(messageOf(error));
  }
}

/** An answer as the handlers give it. */
export function encodeJson(output: DescMessage, answer: unknown): string {
  const message = create(output, answer as MessageInitShape<DescMessage>);
  return JSON.stringify(jsonOf(reflect(output, message)));
}

/** An answer of which only the bytes are at hand. */
export function jsonOfBytes(output: DescMessage, bytes: Uint8Array): string {
  return JSON.stringify(jsonOf(reflect(output, fromBinary(output, bytes))));
}

/** As the library's own `toJson`, which takes over ten times as long for a value of a megabyte. No message here has maps or fractions. */
function jsonOf(message: ReflectMessage): JsonObject {
  const json: JsonObject = {};
  for (const field of message.sortedFields) {
    if (!message.isSet(field)) continue;
    const value: unknown = message.get(field);
    json[field.name] = isReflectList(value)
      ? Array.from(value, (item: unknown) => jsonOfValue(field, item))
      : jsonOfValue(field, value);
  }
  return json;
}

function jsonOfValue(field: DescField, value: unknown): JsonValue {
  if (isReflectMessage(value)) return jsonOf(value);
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  }
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number' && field.enum !== undefined) {
    return field.enum.value[value]?.name ?? value;
  }
  // What is left is text, a flag or a number of 32 bits.
  return value as JsonValue;
}

/** Drops what the message has not. The library could, but would pass over misspelled values as well as names. */
function knownFields(message: DescMessage, json: JsonObject): JsonObject {
  const known: JsonObject = {};
  for (const field of message.fields) {
    for (const name of new Set([field.name, field.jsonName])) {
      if (!Object.hasOwn(json, name)) continue;
      const value = json[name] ?? null;
      const inner = field.message;
      if (inner === undefined) known[name] = value;
      else if (Array.isArray(value)) known[name] = value.map((item) => knownValue(inner, item));
      else known[name] = knownValue(inner, value);
    }
  }
  return known;
}

function knownValue(message: DescMessage, value: JsonValue): JsonValue {
  return isObject(value) ? knownFields(message, value) : value;
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** Whole numbers of so many digits may lie beyond what a number of JavaScript holds. */
const longNumber = /(?<![\d.eE+])-?\d{16,}(?![\d.eE])/g;

/** The same text, with long numbers as strings: lease ids come as either, and must not be rounded. */
function exactNumbers(text: string): string {
  longNumber.lastIndex = 0;
  if (!longNumber.test(text)) return text;
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    const open = text.indexOf('"', at);
    const plain = text.slice(at, open < 0 ? undefined : open);
    parts.push(plain.replaceAll(longNumber, '"$&"'));
    if (open < 0) return parts.join('');
    at = endOfString(text, open);
    parts.push(text.slice(open, at));
  }
}

/** Behind the quote that closes the string, or the end of the text. */
function endOfString(text: string, open: number): number {
  for (let at = open + 1; ; at++) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    let escapes = 0;
    while (text[at - 1 - escapes] === '\\') escapes++;
    if (escapes % 2 === 0) return at + 1;
  }
}

function invalid(message: string): GrpcError {
  return new GrpcError(grpcCodes.invalidArgument, message);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
