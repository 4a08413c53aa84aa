import { crc32c } from '../core/base/crc32c.ts';
import type { Disk, Done } from '../ports.ts';
import { asError } from './as-error.ts';
import { DataDirectoryError } from './data-directory-error.ts';
import { type StorageIdentity, storageFormat } from './identity.ts';
import { parseSnapshotName } from './snapshot-format.ts';
import { sequenceOf } from './wal/segment.ts';

/** Says that a directory is a member's, and whose. */
export const identityFile = 'identity.json';
const temporaryFile = `${identityFile}.tmp`;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface DirectoryIdentity extends StorageIdentity {
  /** The member's name when the directory was made. */
  readonly name: string;
  /**
   * How the cluster came to be, when not from the list of its founders: then its id does not follow
   * from that list, and what the directory says is right.
   */
  readonly origin?: ClusterOrigin | undefined;
}

export type ClusterOrigin = 'restored' | 'recovered';

export interface DataDirectory {
  readonly identity: DirectoryIdentity;
  /** False while the member was still being set up: it never answered anybody, and all else in the directory may go. */
  readonly complete: boolean;
}

/**
 * Whose directory this is; undefined when it is nobody's yet. The order of a set-up is: write the
 * identity as not complete, create the log and what else a new member needs, write it as complete.
 * @throws DataDirectoryError when the identity is damaged, of a newer format, or gone.
 */
export function readDataDirectory(disk: Disk): DataDirectory | undefined {
  const names = disk.list();
  if (!names.includes(identityFile)) {
    const ours = names.find((name) => sequenceOf(name) ?? parseSnapshotName(name));
    if (ours === undefined) return undefined;
    throw new DataDirectoryError(
      `${disk.location} holds a member's files (${ours}) but no ${identityFile}. Restore that ` +
        'file, or replace this member: remove it from the cluster and add it with an empty directory.',
    );
  }
  const file = disk.open(identityFile, 'read');
  try {
    return parse(disk, decoder.decode(file.read(0, file.size())));
  } finally {
    file.close();
  }
}

/** Writes the identity aside and gives it its name, so that it is never half there. */
export function writeDataDirectory(disk: Disk, directory: DataDirectory, done: Done): void {
  const content = {
    format: storageFormat,
    identity: written(directory.identity),
    complete: directory.complete,
  };
  const text = `${JSON.stringify({ ...content, checksum: checksumOf(content) }, undefined, 2)}\n`;
  try {
    if (disk.list().includes(temporaryFile)) disk.remove(temporaryFile);
    const file = disk.open(temporaryFile, 'create');
    const finish = (error?: Error) => {
      try {
        file.close();
        if (error === undefined) disk.rename(temporaryFile, identityFile);
      } catch (thrown) {
        done(asError(thrown));
        return;
      }
      if (error === undefined) disk.syncDirectory(done);
      else done(error);
    };
    file.write(0, encoder.encode(text), (error) =>
      error === undefined ? file.sync(finish) : finish(error),
    );
  } catch (thrown) {
    done(asError(thrown));
  }
}

function written({ clusterId, memberId, directoryId, name, origin }: DirectoryIdentity) {
  const identity = { clusterId, memberId, directoryId, name };
  return origin === undefined ? identity : { ...identity, origin };
}

/** Removes what a set-up that was broken off left behind. @throws Error from the disk. */
export function clearUnfinished(disk: Disk): void {
  for (const name of disk.list()) {
    if (name.startsWith('wal-') || name.startsWith('snapshot-')) disk.remove(name);
  }
}

/**
 * Refuses a directory that is not the expected member's; what is undefined may be anything.
 * @throws DataDirectoryError
 */
export function checkDataDirectory(
  disk: Disk,
  found: DirectoryIdentity,
  expected: {
    readonly clusterId?: string | undefined;
    readonly memberId?: string | undefined;
    readonly name?: string | undefined;
  },
): void {
  const refuse = (what: string, is: string, wanted: string) => {
    throw new DataDirectoryError(
      `${disk.location} belongs to ${what} ${is}, but this member was started as ${what} ${wanted}. ` +
        'Start it with its own data directory, or with an empty one. One that joined a running cluster ' +
        'needs --initial-cluster-state existing, or --join, at each start.',
    );
  };
  const { clusterId, memberId, name } = expected;
  if (clusterId !== undefined && found.clusterId !== clusterId) {
    refuse('cluster', found.clusterId, clusterId);
  }
  if (memberId !== undefined && found.memberId !== memberId) {
    refuse('member', found.memberId, memberId);
  }
  if (name !== undefined && found.name !== name) refuse('member', `"${found.name}"`, `"${name}"`);
}

function parse(disk: Disk, text: string): DataDirectory {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw damaged(disk);
  }
  const { format, identity, complete, checksum } = fieldsOf(content);
  // A newer format may have another shape and checksum; its number is where it always was.
  if (typeof format === 'number' && format > storageFormat) {
    throw new DataDirectoryError(
      `${disk.location} was written by a newer lockstep (format ${format}; this build reads up ` +
        `to ${storageFormat}): start it with that build or newer.`,
    );
  }
  const { clusterId, memberId, directoryId, name, origin } = fieldsOf(identity);
  const known =
    isText(clusterId) && isText(memberId) && isText(directoryId) && isText(name) && isOrigin(origin)
      ? written({ clusterId, memberId, directoryId, name, origin })
      : undefined;
  if (known === undefined || format !== storageFormat || typeof complete !== 'boolean')
    throw damaged(disk);
  if (checksum !== checksumOf({ format, identity: known, complete })) {
    throw damaged(disk);
  }
  return { identity: known, complete };
}

function damaged(disk: Disk): DataDirectoryError {
  return new DataDirectoryError(
    `${disk.location}/${identityFile} is damaged or was edited. Restore it from a backup, or ` +
      'replace this member: remove it from the cluster and add it with an empty directory.',
  );
}

function checksumOf(content: object): string {
  return crc32c(encoder.encode(JSON.stringify(content)))
    .toString(16)
    .padStart(8, '0');
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isOrigin(value: unknown): value is ClusterOrigin | undefined {
  return value === undefined || value === 'restored' || value === 'recovered';
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
