import type { Bytes } from './key-value.ts';

/** How the values of a space are written and read. What it throws is told with the key, as a DecodeError. */
export interface Codec<Value> {
  encode(value: Value): Bytes;
  decode(bytes: Uint8Array): Value;
}

/** What of Standard Schema (version 1) is used here; zod, valibot, arktype and others have it. */
export interface StandardSchema<Value> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Value> | Promise<SchemaResult<Value>>;
    readonly types?: { readonly input: unknown; readonly output: Value } | undefined;
  };
}

type SchemaResult<Value> =
  | { readonly value: Value; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Values as they are. */
export const bytes: Codec<Uint8Array> = {
  encode: (value) => value,
  decode: (value) => value,
};

/** Values as text. */
export const text: Codec<string> = {
  encode: (value) => value,
  decode: (value) => decoder.decode(value),
};

/** Values as JSON, of whatever type the caller says they have: nothing checks it. See {@link schema}. */
export function json<Value>(): Codec<Value> {
  return {
    encode(value) {
      const encoded = JSON.stringify(value);
      if (encoded === undefined) throw new TypeError('the value has no JSON form');
      return encoded;
    },
    decode: (value) => JSON.parse(decoder.decode(value)),
  };
}

/**
 * Values as JSON, held against a schema when they are written and when they are read. A schema
 * that changes values (defaults, coercion) does so on reading; it must also take what it gives.
 */
export function schema<Value>(of: StandardSchema<Value>): Codec<Value> {
  const checked = (value: unknown): Value => {
    const result = of['~standard'].validate(value);
    if (result instanceof Promise) {
      // Nobody waits for it, so nobody else hears of its failure either.
      result.catch(() => {});
      throw new TypeError('the schema is asynchronous; a codec cannot wait');
    }
    if (result.issues === undefined) return result.value;
    throw new TypeError(result.issues.map(sentence).join('; '));
  };
  const { encode, decode } = json<Value>();
  return {
    encode(value) {
      checked(value);
      return encode(value);
    },
    decode: (value) => checked(decode(value)),
  };
}

function sentence({ message, path = [] }: SchemaIssue): string {
  const at = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  return at === '' ? message : `${at}: ${message}`;
}
