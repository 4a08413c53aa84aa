import { isTombstone, type KeyValue } from './key-value.ts';

/**
 * All versions of one key down to the compaction point, oldest first, when there is more than one.
 * (A key with a single version is that version itself in the index, see {@link Versions}.)
 *
 *   put a=1 (rev 2), put a=2 (rev 4), delete a (rev 7), put a=3 (rev 9)
 *
 *   versions  [ rev 2 v1 ][ rev 4 v2 ][ rev 7 tombstone ][ rev 9 v1 ]
 *   at(3) = rev 2   at(8) = rev 7, so absent
 */
class KeyHistory {
  /** A long history shares its array with the one that follows it, which sees one version more. */
  readonly versions: KeyValue[];
  readonly count: number;

  constructor(versions: KeyValue[], count: number) {
    this.versions = versions;
    this.count = count;
  }
}

/** What the index holds for a key. Replaced, never changed: so a walk that was begun stays consistent. */
export type Versions = KeyValue | KeyHistory;

/** Up to so many versions an array is copied to its exact size: most keys have few, and room to grow costs memory. */
const exactMax = 8;

export function latestOf(versions: Versions): KeyValue {
  return versions instanceof KeyHistory
    ? (versions.versions[versions.count - 1] as KeyValue)
    : versions;
}

export function countOf(versions: Versions): number {
  return versions instanceof KeyHistory ? versions.count : 1;
}

/** These versions and a newer one. */
export function withNewer(versions: Versions, next: KeyValue): Versions {
  if (!(versions instanceof KeyHistory)) return new KeyHistory([versions, next], 2);
  const { versions: older, count } = versions;
  // Only the newest history may extend the shared array; any other has to copy its part.
  if (older.length !== count || count < exactMax) {
    const copy = new Array<KeyValue>(count + 1);
    for (let at = 0; at < count; at++) copy[at] = older[at] as KeyValue;
    copy[count] = next;
    return new KeyHistory(copy, count + 1);
  }
  older.push(next);
  return new KeyHistory(older, count + 1);
}

/** How many versions were written at or before `revision`. */
function countAt(history: KeyHistory, revision: number): number {
  let low = 0;
  let high = history.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((history.versions[middle] as KeyValue).modRevision <= revision) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The live version at `revision`, or undefined when the key did not exist then. */
export function liveAt(versions: Versions, revision: number): KeyValue | undefined {
  const version = versionAt(versions, revision);
  return version === undefined || isTombstone(version) ? undefined : version;
}

function versionAt(versions: Versions, revision: number): KeyValue | undefined {
  if (versions instanceof KeyHistory) return versions.versions[countAt(versions, revision) - 1];
  return versions.modRevision <= revision ? versions : undefined;
}

/**
 * What is left when history below `revision` goes: the version that is visible at it and all newer
 * ones. Calls `dropped` with each that is not. Undefined when nothing is left: a tombstone at or
 * below `revision` says no more than no entry does.
 */
export function compacted(
  versions: Versions,
  revision: number,
  dropped: (version: KeyValue) => void,
): Versions | undefined {
  if (!(versions instanceof KeyHistory)) {
    if (versions.modRevision > revision || !isTombstone(versions)) return versions;
    dropped(versions);
    return undefined;
  }
  const { versions: all, count } = versions;
  let keepFrom = Math.max(0, countAt(versions, revision) - 1);
  const oldest = all[keepFrom] as KeyValue;
  if (isTombstone(oldest) && oldest.modRevision <= revision) keepFrom++;
  if (keepFrom === 0) return versions;
  for (let at = 0; at < keepFrom; at++) dropped(all[at] as KeyValue);
  if (keepFrom === count) return undefined;
  if (keepFrom === count - 1) return all[keepFrom];
  return new KeyHistory(all.slice(keepFrom, count), count - keepFrom);
}
