/**
 * The state of the one connection a client has, without any I/O: which endpoint is next, how long
 * to wait before trying it, and when an open connection must be given up. {@link Link} does what
 * this machine says.
 *
 *     idle -> (nextAttempt) connecting -> (opened) open -> (lost) idle -> ...
 *                                      -> (failed) idle
 *
 * Waits are drawn with full jitter, uniformly from [0, ceiling): the ceiling starts at `baseMs`
 * and doubles with each full round over all endpoints up to `capMs`. The first attempt of all
 * does not wait. Failures are forgotten only when a connection stayed up for `stableMs`, so that a member
 * that accepts and then drops connections is not hammered.
 */
export interface ConnectionSettings {
  readonly baseMs: number;
  readonly capMs: number;
  readonly stableMs: number;
  /** An open connection on which nothing was heard for this long is dead. */
  readonly silenceMs: number;
  /** So many heartbeats in a row without a leader, and another endpoint is tried. */
  readonly leaderlessBeatsMax: number;
}

export const connectionDefaults: ConnectionSettings = {
  baseMs: 100,
  capMs: 5_000,
  stableMs: 5_000,
  silenceMs: 5_000,
  leaderlessBeatsMax: 2,
};

export interface Attempt {
  readonly endpoint: string;
  readonly waitMs: number;
}

export class ConnectionMachine {
  readonly #settings: ConnectionSettings;
  readonly #given: readonly string[];
  #endpoints: readonly string[];
  #current = -1;
  #failures = 0;
  #openedAt: number | undefined;
  #heardAt = 0;
  #checkedAt = 0;
  #leaderlessBeats = 0;
  readonly #reasons = new Map<string, string>();

  constructor(endpoints: readonly string[], settings: ConnectionSettings) {
    this.#given = endpoints;
    this.#endpoints = endpoints;
    this.#settings = settings;
  }

  get endpoints(): readonly string[] {
    return this.#endpoints;
  }

  /** The endpoint of the open connection or of the latest attempt. */
  get endpoint(): string | undefined {
    return this.#endpoints[this.#current];
  }

  /** Moves on to the next endpoint. `random` is in [0, 1). */
  nextAttempt(random: number): Attempt {
    this.#current = (this.#current + 1) % this.#endpoints.length;
    const first = this.#failures === 0;
    const round = Math.floor(Math.max(0, this.#failures - 1) / this.#endpoints.length);
    const ceiling = Math.min(
      this.#settings.capMs,
      this.#settings.baseMs * 2 ** Math.min(round, 30),
    );
    return {
      endpoint: this.#endpoints[this.#current] ?? '',
      waitMs: first ? 0 : Math.floor(random * ceiling),
    };
  }

  failed(reason: string): void {
    this.#failures++;
    this.#reasons.set(this.endpoint ?? '', reason);
  }

  opened(now: number): void {
    this.#openedAt = now;
    this.#heardAt = now;
    this.#checkedAt = now;
    this.#leaderlessBeats = 0;
    this.#reasons.delete(this.endpoint ?? '');
  }

  /** The open connection is gone. */
  lost(now: number, reason: string): void {
    const stable = this.#openedAt !== undefined && now - this.#openedAt >= this.#settings.stableMs;
    // One is left even then, so that the first attempt after a loss is spread out as well:
    // a member that stops loses all its clients in one moment.
    this.#failures = stable ? 1 : this.#failures + 1;
    this.#openedAt = undefined;
    this.#reasons.set(this.endpoint ?? '', reason);
  }

  heard(now: number): void {
    this.#heardAt = now;
  }

  /** Notes a heartbeat; true when another endpoint should be tried since this member has no leader. */
  heartbeat(hasLeader: boolean): boolean {
    this.#leaderlessBeats = hasLeader ? 0 : this.#leaderlessBeats + 1;
    return this.#leaderlessBeats >= this.#settings.leaderlessBeatsMax && this.#endpoints.length > 1;
  }

  /**
   * True when the connection has been silent for too long. Called several times per `silenceMs`.
   * If this process itself was stopped or blocked meanwhile, what arrived is not read yet, so
   * the connection gets a new chance.
   */
  isSilent(now: number): boolean {
    const slept = now - this.#checkedAt >= this.#settings.silenceMs;
    this.#checkedAt = now;
    if (slept) this.#heardAt = now;
    return now - this.#heardAt >= this.#settings.silenceMs;
  }

  /** Addresses that the cluster itself named: tried after the given ones. */
  learned(addresses: readonly string[]): void {
    const current = this.endpoint;
    const all = [...new Set([...this.#given, ...addresses])];
    // The endpoint in use stays even when the cluster no longer names it.
    if (current !== undefined && !all.includes(current)) all.push(current);
    this.#endpoints = all;
    this.#current = current === undefined ? -1 : all.indexOf(current);
  }

  /** Why each endpoint does not answer, as one sentence part: "a: refused; b: timed out". */
  describeFailures(): string {
    const parts = [...this.#reasons]
      .filter(([endpoint]) => this.#endpoints.includes(endpoint))
      .map(([endpoint, reason]) => `${endpoint}: ${reason}`);
    return parts.join('; ');
  }
}
