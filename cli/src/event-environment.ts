import type { KeyValue, WatchEvent } from '@lockstep/client';
import { goQuoted, textOf } from './printable.ts';

/** Linux takes no string longer than 128 KiB into an environment, and no system takes many of them. */
const variableBytesMax = 64 * 1024;

type Environment = Readonly<Record<string, string | undefined>>;

/** What `watch -- CMD` sets; what an event does not have must not come from outside. */
const ours =
  /^(LOCKSTEP_(EVENT_TYPE|KEY|KEY_BASE64|VALUE|VALUE_BYTES|PREV_VALUE|REVISION|CREATE_REVISION|VERSION|LEASE)|ETCD_WATCH_.*)$/;

/** The environment in which a command is run for an event: `base`, and what the event says. */
export function eventEnvironment(
  { type, kv, prevKv, revision }: WatchEvent,
  base: Environment,
): Record<string, string> {
  const { keyBytes, valueBytes } = kv;
  const key = textVariable(keyBytes);
  const isPut = type === 'put';
  const variables: Environment = {
    LOCKSTEP_EVENT_TYPE: type,
    LOCKSTEP_KEY: key,
    LOCKSTEP_KEY_BASE64: key === undefined ? Buffer.from(keyBytes).toString('base64') : undefined,
    LOCKSTEP_VALUE: isPut ? textVariable(valueBytes) : undefined,
    LOCKSTEP_VALUE_BYTES: String(valueBytes.length),
    LOCKSTEP_PREV_VALUE: previous(prevKv),
    LOCKSTEP_REVISION: String(revision),
    LOCKSTEP_CREATE_REVISION: isPut ? String(kv.createRevision) : undefined,
    LOCKSTEP_VERSION: String(kv.version),
    LOCKSTEP_LEASE: kv.lease,
    ETCD_WATCH_EVENT_TYPE: `"${type.toUpperCase()}"`,
    ETCD_WATCH_KEY: fitting(goQuoted(keyBytes)),
    ETCD_WATCH_VALUE:
      valueBytes.length > variableBytesMax ? undefined : fitting(goQuoted(valueBytes)),
    ETCD_WATCH_REVISION: String(revision),
  };
  const outside = Object.entries(base).filter(([name]) => !ours.test(name));
  const all = [...outside, ...Object.entries(variables)];
  return Object.fromEntries(
    all.filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function previous(prevKv: KeyValue | undefined): string | undefined {
  return prevKv === undefined ? undefined : textVariable(prevKv.valueBytes);
}

/** Bytes as a variable: text without the character that ends a string in an environment. */
function textVariable(bytes: Uint8Array): string | undefined {
  if (bytes.length > variableBytesMax || bytes.includes(0)) return undefined;
  return textOf(bytes);
}

function fitting(text: string): string | undefined {
  return Buffer.byteLength(text) > variableBytesMax ? undefined : text;
}
