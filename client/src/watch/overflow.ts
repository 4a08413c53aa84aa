import { keyId } from '../key-value.ts';
import type { Sized } from './batch-queue.ts';
import type { WatchEvent, WatchItem, WatchMark } from './watch.ts';

/**
 * What is left of waiting items when only the last event of each key counts: one batch in order of
 * revision, with the last revision of all, then the last mark of each type.
 */
export function latestOnly(waiting: readonly Sized<WatchItem>[]): readonly Sized<WatchItem>[] {
  const latest = new Map<string, { readonly event: WatchEvent; readonly size: number }>();
  const marks = new Map<WatchMark['type'], Sized<WatchItem>>();
  let revision = 0;
  let isListed = false;
  for (const { batch: item, size } of waiting) {
    if (item.type !== 'events') {
      const before = marks.get(item.type)?.batch;
      // Once deletes may be missing, a later list does not bring them.
      const lacks = before?.type === 'relisted' && !before.complete && item.type === 'relisted';
      marks.set(item.type, { batch: lacks ? { ...item, complete: false } : item, size });
      continue;
    }
    revision = item.revision;
    // A list and the revisions behind it are one when the mark between them waits too.
    isListed = item.isListed;
    for (const event of item.events) {
      const id = keyId(event.kv.wireKey);
      latest.delete(id);
      latest.set(id, { event, size: size / item.events.length });
    }
  }
  const kept = [...latest.values()].sort((one, other) => one.event.revision - other.event.revision);
  if (kept.length === 0) return [...marks.values()];
  const size = kept.reduce((sum, { size: each }) => sum + each, 0);
  const events = kept.map(({ event }) => event);
  return [{ batch: { type: 'events', revision, events, isListed }, size }, ...marks.values()];
}
