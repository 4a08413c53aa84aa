import { limits } from '@lockstep/client/protocol';
import type { WatchBatch } from '../store.ts';
import { wireEvent } from './keys.ts';

const wholes = new WeakMap<WatchBatch, string>();
const fragments = new WeakMap<WatchBatch, readonly string[]>();

/**
 * PROTOCOL [W-32]: the JSON members `"revision":...,"events":[...]` of one batch, encoded once
 * however many connections it goes to.
 */
export function batchJson(batch: WatchBatch): string {
  let text = wholes.get(batch);
  if (text === undefined) {
    text = `"revision":${batch.revision},"events":${JSON.stringify(batch.events.map(wireEvent))}`;
    wholes.set(batch, text);
  }
  return text;
}

/** The same in parts of whole events, none much above {@link limits.chunkBytesMax}; all but the last say `fragment`. */
export function batchFragments(batch: WatchBatch): readonly string[] {
  const whole = batchJson(batch);
  if (whole.length <= limits.chunkBytesMax) return [whole];
  let parts = fragments.get(batch);
  if (parts === undefined) {
    parts = split(batch);
    fragments.set(batch, parts);
  }
  return parts;
}

function split(batch: WatchBatch): readonly string[] {
  const parts: string[] = [];
  let events: string[] = [];
  let bytes = 0;
  const close = (isLast: boolean): void => {
    const more = isLast ? '' : ',"fragment":true';
    parts.push(`"revision":${batch.revision},"events":[${events.join()}]${more}`);
    events = [];
    bytes = 0;
  };
  for (const event of batch.events) {
    const text = JSON.stringify(wireEvent(event));
    if (bytes > 0 && bytes + text.length > limits.chunkBytesMax) close(false);
    events.push(text);
    bytes += text.length;
  }
  close(true);
  return parts;
}
