import { DecodeError, Reader, Writer } from './base/codec.ts';
import type { MemberRecord } from './member-table.ts';
import type { KeyValue } from './mvcc/key-value.ts';
import { MvccStore, type MvccView } from './mvcc/store.ts';

/** Every table of the machine at one moment. */
export interface MachineImage {
  readonly store: MvccView;
  readonly members: readonly MemberRecord[];
}

const formatVersion = 1;
/** A chunk is closed when it reaches this size; one large value may make it larger. */
const chunkBytes = 128 * 1024;
const sections = { header: 1, members: 2, events: 3, end: 4 } as const;

/** The image as a sequence of chunks, each complete in itself. Lazy: the caller decides when to go on. */
export function* machineChunks(image: MachineImage): Generator<Uint8Array> {
  const { store } = image;
  yield new Writer()
    .u8(sections.header)
    .u8(formatVersion)
    .number(store.revision)
    .number(store.compactRevision)
    .number(store.eventCount)
    .finish();
  yield membersChunk(image.members);
  let position = 0;
  while (position < store.eventCount) {
    const writer = new Writer(chunkBytes + 4096).u8(sections.events);
    while (position < store.eventCount && writer.length < chunkBytes) {
      writeKeyValue(writer, store.eventAt(position++));
    }
    yield writer.finish();
  }
  yield new Writer(1).u8(sections.end).finish();
}

function membersChunk(members: readonly MemberRecord[]): Uint8Array {
  const writer = new Writer().u8(sections.members).number(members.length);
  for (const member of members) {
    writer
      .text(member.memberId)
      .text(member.name)
      .text(member.peerAddress)
      .text(member.clientAddress)
      .text(member.directoryId);
  }
  return writer.finish();
}

function writeKeyValue(writer: Writer, kv: KeyValue): void {
  writer
    .string(kv.key)
    .string(kv.value)
    .number(kv.createRevision)
    .number(kv.modRevision)
    .number(kv.version)
    .text(kv.lease);
}

function readKeyValue(reader: Reader): KeyValue {
  return {
    key: reader.string(),
    value: reader.string(),
    createRevision: reader.number(),
    modRevision: reader.number(),
    version: reader.number(),
    lease: reader.text(),
  };
}

/** Builds a machine from the chunks of an image. */
export class MachineRestorer<Machine> {
  readonly #build: (members: readonly MemberRecord[], store: MvccStore) => Machine;
  readonly #store = new MvccStore();
  #members: MemberRecord[] = [];
  #header: { revision: number; compactRevision: number; eventCount: number } | undefined;
  #ended = false;

  constructor(build: (members: readonly MemberRecord[], store: MvccStore) => Machine) {
    this.#build = build;
  }

  /** @throws DecodeError on a chunk of a newer format, or one out of place. */
  push(chunk: Uint8Array): void {
    const reader = new Reader(chunk);
    const section = reader.u8();
    if ((section === sections.header) !== (this.#header === undefined)) {
      throw new DecodeError('a snapshot has one header, and it comes first');
    }
    switch (section) {
      case sections.header:
        return this.#readHeader(reader);
      case sections.members:
        return this.#readMembers(reader);
      case sections.events:
        while (!reader.atEnd) this.#store.record(readKeyValue(reader));
        return;
      case sections.end:
        this.#ended = true;
        return;
      default:
        throw new DecodeError(`a snapshot section of unknown type ${section}`);
    }
  }

  #readHeader(reader: Reader): void {
    const version = reader.u8();
    if (version !== formatVersion) {
      throw new DecodeError(`a snapshot of format ${version}; this build knows ${formatVersion}`);
    }
    this.#header = {
      revision: reader.number(),
      compactRevision: reader.number(),
      eventCount: reader.number(),
    };
  }

  #readMembers(reader: Reader): void {
    for (let left = reader.number(); left > 0; left--) {
      this.#members.push({
        memberId: reader.text(),
        name: reader.text(),
        peerAddress: reader.text(),
        clientAddress: reader.text(),
        directoryId: reader.text(),
      });
    }
  }

  /** The machine, once all chunks are in. @throws DecodeError when some are missing. */
  finish(): Machine {
    const header = this.#header;
    if (header === undefined || !this.#ended || this.#store.events.length !== header.eventCount) {
      throw new DecodeError('the snapshot ends too early');
    }
    this.#store.restored(header.revision, header.compactRevision);
    return this.#build(this.#members, this.#store);
  }
}
