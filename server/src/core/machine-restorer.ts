import { readAuth } from './auth/auth-codec.ts';
import { DecodeError, Reader } from './base/codec.ts';
import { authVersion, checkFits, promotionsSince } from './cluster-version.ts';
import type { HashReport } from './hash-check.ts';
import type { LeaseRecord } from './lease/types.ts';
import type { Machine } from './machine.ts';
import { imageFormats, sections } from './machine-image.ts';
import type { Promotion } from './member-table.ts';
import { readKeyValue } from './mvcc/request-codec.ts';
import type { Reply } from './reply.ts';
import { readAlarms, readReply } from './reply-codec.ts';
import type { ClientRecord } from './reply-table.ts';

/** Builds a machine from the chunks of an image. */
export class MachineRestorer {
  readonly #machine: Machine;
  readonly #clients: ClientRecord<Reply>[] = [];
  #header: { revision: number; compactRevision: number; eventCount: number } | undefined;
  #ended = false;

  /** @param machine an empty one. */
  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /**
   * @throws DecodeError on a chunk of a newer format, or one out of place.
   * @throws ClusterVersionError when this build cannot work with the state's cluster version.
   */
  push(chunk: Uint8Array): void {
    const reader = new Reader(chunk);
    const section = reader.u8();
    if ((section === sections.header) !== (this.#header === undefined)) {
      throw new DecodeError('a snapshot has one header, and it comes first');
    }
    const { store, leases } = this.#machine;
    switch (section) {
      case sections.header:
        return this.#readHeader(reader);
      case sections.members:
        return this.#readMembers(reader);
      case sections.status:
        return this.#readStatus(reader);
      case sections.leases:
        while (!reader.atEnd) leases.restore(readLease(reader));
        return;
      case sections.replies:
        while (!reader.atEnd) {
          this.#clients.push(readClient(reader, this.#machine.clusterVersion >= authVersion));
        }
        return;
      case sections.auth:
        return this.#machine.auth.restore(readAuth(reader));
      case sections.base:
        while (!reader.atEnd) store.recordBase(readKeyValue(reader));
        return;
      case sections.events:
        while (!reader.atEnd) store.record(readKeyValue(reader));
        return;
      case sections.end:
        this.#ended = true;
        return;
      default:
        throw new DecodeError(`a snapshot section of unknown type ${section}`);
    }
  }

  #readHeader(reader: Reader): void {
    const format = reader.u8();
    if (format !== imageFormats.first && format !== imageFormats.versioned) {
      throw new DecodeError(
        `a snapshot of format ${format}; this build knows up to ${imageFormats.versioned}`,
      );
    }
    const version = format === imageFormats.first ? 1 : reader.number();
    checkFits(this.#machine.build.versions, version);
    this.#machine.raiseClusterVersion(version);
    this.#header = {
      revision: reader.number(),
      compactRevision: reader.number(),
      eventCount: reader.number(),
    };
  }

  #readMembers(reader: Reader): void {
    for (let left = reader.count(); left > 0; left--) {
      this.#machine.members.set({
        memberId: reader.text(),
        name: reader.text(),
        peerAddress: reader.text(),
        clientAddress: reader.text(),
        directoryId: reader.text(),
        promotion: this.#readPromotion(reader),
      });
    }
  }

  #readPromotion(reader: Reader): Promotion | undefined {
    if (this.#machine.clusterVersion < promotionsSince) return undefined;
    const isMarked = reader.flag();
    const replaces = reader.text();
    return isMarked ? { replaces } : undefined;
  }

  #readStatus(reader: Reader): void {
    for (const alarm of readAlarms(reader)) this.#machine.alarms.raise(alarm);
    const check = reader.number();
    const reports: HashReport[] = [];
    for (let left = reader.count(); left > 0; left--) {
      reports.push({ memberId: reader.text(), check, hash: reader.number() });
    }
    this.#machine.hashCheck.restore({ check, reports });
  }

  /** The machine, once all chunks are in. @throws DecodeError when some are missing. */
  finish(): Machine {
    const header = this.#header;
    const { store } = this.#machine;
    if (header === undefined || !this.#ended || store.events.length !== header.eventCount) {
      throw new DecodeError('the snapshot ends too early');
    }
    store.restored(header.revision, header.compactRevision);
    this.#machine.replies.restore(this.#clients);
    return this.#machine;
  }
}

function readLease(reader: Reader): LeaseRecord {
  return {
    id: reader.text(),
    ttl: reader.number(),
    remaining: reader.number(),
    renewals: reader.number(),
  };
}

function readClient(reader: Reader, withUser: boolean): ClientRecord<Reply> {
  const client = {
    clientId: reader.text(),
    user: withUser ? reader.text() : '',
    lastActive: reader.number(),
    ackedBelow: reader.number(),
  };
  const replies: ClientRecord<Reply>['replies'][number][] = [];
  for (let left = reader.count(); left > 0; left--) {
    const sequence = reader.number();
    const revision = reader.number();
    const bytes = reader.number();
    replies.push({
      sequence,
      revision,
      bytes,
      reply: reader.flag() ? readReply(reader) : undefined,
    });
  }
  return { ...client, replies };
}
