import type { Alarm } from '@lockstep/client/protocol';
import { writeAuth } from './auth/auth-codec.ts';
import type { AuthState } from './auth/auth-state.ts';
import { Writer } from './base/codec.ts';
import { authVersion, promotionsSince } from './cluster-version.ts';
import type { HashCheckView } from './hash-check.ts';
import type { LeaseView } from './lease/lease-table.ts';
import type { MemberRecord } from './member-table.ts';
import { writeKeyValue } from './mvcc/request-codec.ts';
import type { StoreView } from './mvcc/view.ts';
import type { Reply } from './reply.ts';
import { writeAlarms, writeReply } from './reply-codec.ts';
import type { ClientRecord } from './reply-table.ts';

/**
 * The form of an image follows the cluster version and not the build: members of different builds
 * must agree in the hash of a state, and read each other's snapshots. At cluster version 1 it is
 * `first`, which does not tell the version; beyond that, `versioned`, which tells it before all else.
 */
export const imageFormats = { first: 2, versioned: 3 } as const;
/** A chunk is closed when it reaches this size; one large value may make it larger. */
const chunkBytes = 128 * 1024;
/** What a chunk holds; leases come before the pairs that hang on them. */
export const sections = {
  header: 1,
  members: 2,
  events: 3,
  end: 4,
  base: 5,
  leases: 6,
  replies: 7,
  status: 8,
  auth: 9,
} as const;

/** Every table of the machine at one moment. */
export interface MachineTables {
  readonly clusterVersion: number;
  readonly store: StoreView;
  readonly leases: LeaseView;
  readonly replies: readonly ClientRecord<Reply>[];
  readonly members: readonly MemberRecord[];
  readonly alarms: readonly Alarm[];
  readonly hashCheck: HashCheckView;
  readonly auth: AuthState;
}

/** The whole state as it was at one moment, to be read in slices while the machine goes on. */
export class MachineImage {
  readonly #tables: MachineTables;

  constructor(tables: MachineTables) {
    this.#tables = tables;
  }

  /** Nobody reads it any more: what it alone kept in memory may go. Idempotent. */
  release(): void {
    this.#tables.store.release();
  }

  /**
   * The image as a sequence of chunks, each complete in itself. Lazy: the caller decides when to go on.
   * Who reads to the end need not release it.
   */
  *chunks(): Generator<Uint8Array> {
    try {
      yield* this.#sections();
    } finally {
      this.release();
    }
  }

  *#sections(): Generator<Uint8Array> {
    const { clusterVersion, store, leases, replies, members, alarms, hashCheck, auth } =
      this.#tables;
    const header = new Writer().u8(sections.header);
    if (clusterVersion === 1) header.u8(imageFormats.first);
    else header.u8(imageFormats.versioned).number(clusterVersion);
    yield header
      .number(store.revision)
      .number(store.compactRevision)
      .number(store.eventCount)
      .finish();
    yield membersChunk(members, clusterVersion >= promotionsSince);
    yield statusChunk(alarms, hashCheck);
    const withAuth = clusterVersion >= authVersion;
    if (withAuth) yield authChunk(auth);
    yield* listChunks(sections.leases, leases.records(), (writer, record) => {
      writer.text(record.id).number(record.ttl).number(record.remaining).number(record.renewals);
    });
    yield* listChunks(sections.replies, replies, (writer, client) =>
      writeClient(writer, client, withAuth),
    );
    yield* listChunks(sections.base, store.base(), writeKeyValue);
    yield* listChunks(sections.events, store.events(), writeKeyValue);
    yield new Writer(1).u8(sections.end).finish();
  }
}

function* listChunks<Item>(
  section: number,
  items: Iterable<Item>,
  write: (writer: Writer, item: Item) => void,
): Generator<Uint8Array> {
  let writer = new Writer(4096).u8(section);
  for (const item of items) {
    write(writer, item);
    if (writer.length < chunkBytes) continue;
    yield writer.finish();
    writer = new Writer(chunkBytes + 4096).u8(section);
  }
  if (writer.length > 1) yield writer.finish();
}

function writeClient(writer: Writer, client: ClientRecord<Reply>, withUser: boolean): void {
  writer.text(client.clientId);
  if (withUser) writer.text(client.user);
  writer.number(client.lastActive).number(client.ackedBelow).number(client.replies.length);
  for (const { sequence, revision, bytes, reply } of client.replies) {
    writer
      .number(sequence)
      .number(revision)
      .number(bytes)
      .flag(reply !== undefined);
    if (reply !== undefined) writeReply(writer, reply);
  }
}

function statusChunk(alarms: readonly Alarm[], hashCheck: HashCheckView): Uint8Array {
  const writer = new Writer().u8(sections.status);
  writeAlarms(writer, alarms);
  writer.number(hashCheck.check).number(hashCheck.reports.length);
  for (const { memberId, hash } of hashCheck.reports) writer.text(memberId).number(hash);
  return writer.finish();
}

function authChunk(auth: AuthState): Uint8Array {
  const writer = new Writer(4096).u8(sections.auth);
  writeAuth(writer, auth);
  return writer.finish();
}

function membersChunk(members: readonly MemberRecord[], promotions: boolean): Uint8Array {
  const writer = new Writer().u8(sections.members).number(members.length);
  for (const member of members) {
    writer
      .text(member.memberId)
      .text(member.name)
      .text(member.peerAddress)
      .text(member.clientAddress)
      .text(member.directoryId);
    if (!promotions) continue;
    writer.flag(member.promotion !== undefined).text(member.promotion?.replaces ?? '');
  }
  return writer.finish();
}
