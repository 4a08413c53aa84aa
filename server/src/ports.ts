/**
 * What a member needs from the world, as interfaces only. `io/` implements them over the operating
 * system, the simulator over a seed. Start-up calls are synchronous, since nothing else is going on
 * then; calls made while the member runs answer by callback, so that the simulator, not the
 * microtask queue, decides when a disk or a peer is done.
 */

/** Called once, with the error if the operation failed. */
export type Done = (error?: Error) => void;

/** A flat directory of files that belongs to one member. */
export interface Disk {
  /** Where it is, for messages. */
  readonly location: string;
  /** Names of all files, sorted. Synchronous: start-up and clean-up only. */
  list(): string[];
  /**
   * Opens a file. `read` and `write` need it to exist; `create` needs it not to.
   * @throws Error with the operating system's code when it cannot.
   */
  open(name: string, mode: 'read' | 'write' | 'create'): DiskFile;
  /** Atomically gives `from` the name `to`, replacing what had it. Durable after {@link syncDirectory}. */
  rename(from: string, to: string): void;
  /** Durable after {@link syncDirectory}. */
  remove(name: string): void;
  /** Makes creations, renames and removals durable. */
  syncDirectory(done: Done): void;
}

export interface DiskFile {
  readonly name: string;
  size(): number;
  /**
   * Reads up to `length` bytes; shorter only at the end of the file. Into a fresh buffer, or into
   * `into`, which has room for them: a large file is read ten times as fast when its pages go to
   * memory that is there already.
   */
  read(offset: number, length: number, into?: Uint8Array): Uint8Array;
  /** Writes all bytes at `offset`, growing the file. Done means written, not durable. Writes to one file may overlap in time only if their ranges do not. */
  write(offset: number, bytes: Uint8Array, done: Done): void;
  /** Writes, and makes these bytes durable (and the size, if they grow the file): one step instead of two where every write must be. A failure is final, as that of {@link sync} is. */
  writeDurable(offset: number, bytes: Uint8Array, done: Done): void;
  /** Makes every write that was done before this call durable, and the size (fdatasync). A failure is final: what is durable is then unknown. */
  sync(done: Done): void;
  truncate(size: number): void;
  close(): void;
}

export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since an arbitrary point, never going back. */
  monotonicMs(): number;
  /** Calls `run` every `periodMs`; missed periods are dropped, not replayed. */
  every(periodMs: number, run: () => void): Cancel;
  /** Calls `run` soon, after what is going on now: the loop's next turn. */
  defer(run: () => void): void;
}

/** One framed, ordered, bidirectional connection to another member. Frames arrive whole or not at all. */
export interface PeerLink {
  /** For messages: the other side's address. */
  readonly address: string;
  /** Queues a frame; the caller looks at {@link queuedBytes} to keep the queue bounded. */
  send(frame: Uint8Array): void;
  /** Bytes accepted by send() and not yet handed to the operating system. */
  queuedBytes(): number;
  /** Closes at once; frames still queued are lost; the handler's closed() is not called. */
  close(): void;
}

export interface PeerLinkHandler {
  /** A dialed link is connected; called once, never for an accepted link. */
  opened(): void;
  frame(frame: Uint8Array): void;
  /** queuedBytes() fell to zero after it had been above it. */
  drained(): void;
  /** The link is gone (refused, reset, closed by the other side, a damaged frame); called once. */
  closed(reason: string): void;
}

export interface PeerNetwork {
  /** Starts one connection attempt to `address` (host:port). */
  dial(address: string, handler: PeerLinkHandler): PeerLink;
  /** Takes links from other members from now on. */
  accept(onLink: (link: PeerLink) => PeerLinkHandler): void;
}

/** What a token says, once it is known to be true. */
export interface TokenClaims {
  readonly user: string;
  /** The auth revision at which the user proved who it is. */
  readonly revision: number;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** Makes and reads the tokens with which users say who they are. */
export interface Tokens {
  readonly ttlMs: number;
  /**
   * @param secret what the cluster signs with, if it is the one that signs.
   * @returns undefined when it can only check tokens that others have made.
   */
  issue(claims: TokenClaims, secret: string): string | undefined;
  /** Undefined for what was not signed by who should. Whether it is still in time is not looked at. */
  read(token: string, secret: string): TokenClaims | undefined;
}

/** Everything secret that a member does with what users send. */
export interface Credentials {
  readonly tokens: Tokens;
  /** bcrypt. Rejects when it cannot run. */
  hash(password: string): Promise<string>;
  matches(password: string, hash: string): Promise<boolean>;
  /** A secret for signing, from the system's own chance. */
  drawSecret(): string;
  /** The same for the same text in this process, and nothing that tells the text. */
  fingerprint(text: string): string;
}
