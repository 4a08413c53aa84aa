import type { Client } from '@lockstep/client';
import { FleetFeed } from '@lockstep/reboot-coordinator/feed';
import { type Fleet, FleetKeys, statusOf } from '@lockstep/reboot-coordinator/policy';
import type { ClusterBoard } from './cluster-board.ts';
import { type FleetPicture, pictureOf, type Sign } from './fleet-picture.ts';
import { pause } from './pause.ts';
import { failureText } from './wording.ts';

const retryMs = 1_000;
/** Between two pictures at least, however much happens. */
const gapMs = 100;
/** So many times as long as the last picture took, so that a large fleet leaves the page time for its user. */
const restFactor = 4;

/** So many more cells are drawn in each frame, until all are: thousands at once would hold up the page. */
const cellsPerFrame = 400;

/** The fleet that the reboot coordinator keeps, followed by a watch from when it is first looked at. */
export class FleetBoard {
  readonly #client: Client;
  readonly #cluster: ClusterBoard;
  readonly #changed: () => void;
  readonly #keys = new FleetKeys();
  #fleet: Fleet | undefined;
  #picture: FleetPicture | undefined;
  #fault: string | undefined;
  #chosen: string | undefined;
  #active: string | undefined;
  #only: Sign | undefined;
  #isFollowing = false;
  #cellsMax = cellsPerFrame;
  #isGrowing = false;
  #isDue = false;
  /** By the clock of `performance.now()`, in milliseconds: no picture before. */
  #restUntil = 0;

  constructor(client: Client, cluster: ClusterBoard, changed: () => void) {
    this.#client = client;
    this.#cluster = cluster;
    this.#changed = changed;
  }

  /** Undefined until all records and the time of the member are known. */
  get picture(): FleetPicture | undefined {
    return this.#picture;
  }

  /** Why the records cannot be read just now. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** The id of the host whose details are shown. */
  get chosen(): string | undefined {
    return this.#chosen;
  }

  /** The id of the host whose cell had the focus last. */
  get active(): string | undefined {
    return this.#active;
  }

  /** The one sign whose hosts are shown; undefined when all are. */
  get only(): Sign | undefined {
    return this.#only;
  }

  choose(id: string | undefined): void {
    if (id === this.#chosen) return;
    this.#chosen = id;
    this.#active = id ?? this.#active;
    this.#changed();
  }

  showOnly(sign: Sign | undefined): void {
    this.#only = sign;
    this.#changed();
  }

  /** The key of a host's record. */
  keyOf(id: string): string {
    return this.#keys.host(id);
  }

  /** How many cells may be drawn in this frame. */
  get cellsMax(): number {
    return this.#cellsMax;
  }

  /** There are more cells than that, so the next frame shall have some more. */
  drawMore(): void {
    if (this.#isGrowing) return;
    this.#isGrowing = true;
    requestAnimationFrame(() => {
      this.#isGrowing = false;
      this.#cellsMax += cellsPerFrame;
      this.#changed();
    });
  }

  /** The view is shown: begins to follow, if it has not. */
  open(): void {
    this.#cellsMax = cellsPerFrame;
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    this.#run().catch(() => {});
  }

  /** Makes a new picture soon: a record has changed, or time has gone by. */
  refresh(): void {
    if (this.#isDue || this.#fleet === undefined) return;
    this.#isDue = true;
    setTimeout(() => this.#draw(), Math.max(0, this.#restUntil - performance.now()));
  }

  #draw(): void {
    this.#isDue = false;
    const { now } = this.#cluster.clock;
    if (this.#fleet === undefined || now === undefined) return;
    const begun = performance.now();
    const memberFault = memberFaultOf(this.#cluster);
    const what = { now, ...(memberFault === undefined ? {} : { memberFault }) };
    this.#picture = pictureOf(statusOf(this.#fleet, what));
    const ended = performance.now();
    this.#restUntil = ended + Math.max(gapMs, (ended - begun) * restFactor);
    this.#changed();
  }

  async #run(): Promise<void> {
    for (;;) {
      try {
        await this.#watch();
      } catch (error) {
        this.#fault = failureText(error);
        this.#changed();
      }
      await pause(retryMs, new AbortController().signal);
    }
  }

  /** A new feed for each try; until it has read everything the last picture stays. */
  async #watch(): Promise<void> {
    const feed = new FleetFeed(this.#client, this.#keys);
    await feed.follow(() => {
      this.#fleet = feed.fleet;
      this.#fault = undefined;
      this.refresh();
    }, new AbortController().signal);
  }
}

/** What this member knows of the others that would hold a host with one of them. The coordinator asks each of them. */
function memberFaultOf({ status, members }: ClusterBoard): string | undefined {
  if (status?.leaderId === null) return 'the members have no leader';
  const voters = members.filter(({ isLearner }) => !isLearner).length;
  if (voters === 0 || voters > 2) return undefined;
  return `the store has ${voters} ${voters === 1 ? 'voter' : 'voters'}, so it stops without this one`;
}
