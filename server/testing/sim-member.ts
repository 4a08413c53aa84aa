import type { MemberConfig } from '../src/config.ts';
import type { Random } from '../src/core/base/random.ts';
import { handOver } from '../src/hand-over.ts';
import { openDirectory, type Recovered } from '../src/member/bootstrap.ts';
import type { MemberEvents } from '../src/member/events.ts';
import { Member } from '../src/member/member.ts';
import { MemberStore } from '../src/member/member-store.ts';
import { bootstrapOptions, findPlace, memberOptions } from '../src/member-options.ts';
import { createService } from '../src/service/service.ts';
import { version } from '../src/version.ts';
import type { ClientNetwork } from './client-network.ts';
import type { ReplyFilter } from './replies.ts';
import { SimDisk } from './sim-disk.ts';
import { SimDoor } from './sim-door.ts';
import type { SimNetwork } from './sim-network.ts';
import { SimClock, type SimTime } from './sim-time.ts';

/** How long a stop waits for answers that are due, as the real doors do. */
const stopMs = 5_000;

/** What all members of a cluster share. */
export interface SimWorld {
  readonly time: SimTime;
  readonly random: Random;
  readonly peers: SimNetwork;
  readonly clients: ClientNetwork;
  readonly diskDelayMs: number;
  /** What the members' clocks show, in milliseconds since 1970. */
  readonly wallMs: () => number;
  readonly loses: ReplyFilter;
  readonly trace: (line: string) => void;
  /** An error that nobody foresaw, in a member's service. */
  readonly internalError: (member: string, thrown: unknown) => void;
}

/** What runs while the process is up. */
interface Process {
  readonly member: Member;
  readonly door: SimDoor;
}

/**
 * One simulated machine: a disk that outlives its processes, and at most one process, which is the
 * production member, store, service and session.
 */
export class SimMember {
  readonly name: string;
  readonly disk: SimDisk;
  readonly #config: MemberConfig;
  readonly #world: SimWorld;
  #clock: SimClock;
  #process: Process | undefined;
  /** From its start until its end. */
  #isOn = false;
  #isPaused = false;
  #isLeaving = false;
  #stoppedBy: Error | undefined;
  /** Goes up with each start, so that callbacks of an earlier life are told apart. */
  #life = 0;

  constructor(config: MemberConfig, world: SimWorld) {
    this.name = config.name;
    this.#config = config;
    this.#world = world;
    this.#clock = new SimClock(world.time);
    this.disk = new SimDisk({
      seed: world.random.next(),
      schedule: (delayMs, run) => world.time.afterInside(delayMs, run),
      location: `the disk of ${config.name}`,
      latencyMsMax: world.diskDelayMs,
    });
  }

  get address(): string {
    return this.#config.advertise;
  }

  get peerAddress(): string {
    return this.#config.peerAdvertise;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get stoppedBy(): Error | undefined {
    return this.#stoppedBy;
  }

  /** The running member; undefined while the process is down. */
  get member(): Member | undefined {
    const member = this.#process?.member;
    return member?.running === true ? member : undefined;
  }

  /** True from its start until it was killed, stopped, or stopped by itself. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** True while promises hang on what happens inside it. */
  get isBusy(): boolean {
    return this.#isLeaving || this.#process?.door.isBusy === true;
  }

  /** True when it is up, goes on, and took part in the cluster so far as to know everybody's address. */
  get isSettled(): boolean {
    const { member } = this;
    if (member === undefined || this.#isPaused) return false;
    return member.machine.members.list().every(({ clientAddress }) => clientAddress !== '');
  }

  /** Starts the process on what its disk holds; soon, when the disk has been read. */
  start(): void {
    const { time, random } = this.#world;
    const life = ++this.#life;
    this.#isOn = true;
    this.#isPaused = false;
    this.#isLeaving = false;
    this.#stoppedBy = undefined;
    const clock = new SimClock(time);
    this.#clock = clock;
    const directoryId = `${this.name}${random.next()}`;
    const fail = (error: Error): void => {
      if (life === this.#life) this.#failed(error);
    };
    const wal = {
      monotonicMs: () => clock.monotonicMs(),
      walFailed: (error: Error) => {
        if (life === this.#life) this.#process?.member.fail(error);
      },
    };
    const network = this.#world.peers.host(this.peerAddress, clock);
    const { disk } = this;
    findPlace(this.#config, { disk, clock, network }, this.peerAddress, (problem, place) => {
      if (life !== this.#life) return;
      if (problem !== undefined) return fail(problem);
      const options = bootstrapOptions(this.#config, directoryId, wal, place);
      openDirectory(disk, options, (error, recovered) => {
        if (life !== this.#life) return;
        clock.run(() => {
          if (recovered === undefined) fail(error ?? new Error('the data directory did not open'));
          else this.#run(recovered, fail);
        });
      });
    });
  }

  #run(recovered: Recovered, failed: (error: Error) => void): void {
    const { random, peers, clients, loses, internalError } = this.#world;
    const clock = this.#clock;
    for (const warning of recovered.warnings) this.#trace(`warns: ${warning}`);
    const individual = {
      clientAddress: this.address,
      peerAddress: this.peerAddress,
      seed: random.next(),
      incarnation: random.next(),
    };
    const events: MemberEvents = {
      happened: ({ name, sentence }) => this.#trace(`${name}: ${sentence}`),
      failed,
    };
    const member = new Member(
      memberOptions(this.#config, recovered, individual, events),
      { clock, network: peers.host(this.peerAddress, clock) },
      recovered,
    );
    const service = createService({
      store: new MemberStore(member),
      version,
      wallMs: this.#world.wallMs,
      onInternalError: (thrown) => internalError(this.name, thrown),
    });
    const trace = (line: string): void => this.#trace(line);
    const door = new SimDoor({ member: this.name, service, clock, loses, trace });
    this.#process = { member, door };
    clients.listen(this.address, door);
    member.start();
    this.#trace(`started at entry ${member.appliedIndex}`);
  }

  pause(): void {
    if (this.#isPaused || this.#process === undefined) return;
    this.#isPaused = true;
    this.#clock.pause();
    this.#trace('paused');
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#trace('goes on');
    this.#clock.resume();
  }

  /** The power fails: the process is gone, and on the disk only part of what was not synced is left. */
  kill(): void {
    if (!this.#isOn) return;
    this.#down();
    this.disk.crash();
    this.#trace('killed');
  }

  /** Leaves in order, as the stop of a service does; `done` when the process has ended. */
  stop(done: () => void): void {
    const stopping = this.#process;
    const life = this.#life;
    if (stopping === undefined || this.#isLeaving) return done();
    this.#isLeaving = true;
    const ended = (): void => {
      if (life === this.#life) this.#down();
      this.#trace('stopped');
      done();
    };
    const { time, clients } = this.#world;
    handOver(stopping.member).then(() => {
      clients.close(this.address);
      // Who does not take its answers is cut, so that the stop has an end.
      time.after(stopMs, () => {
        if (life === this.#life) clients.unplug(this.address);
      });
      stopping.door.stop(() => stopping.member.close(ended));
    }, ended);
  }

  #failed(error: Error): void {
    this.#stoppedBy = error;
    this.#trace(`stopped by itself: ${error.message}`);
    this.#down();
  }

  #down(): void {
    const { peers, clients } = this.#world;
    this.#life++;
    this.#isOn = false;
    this.#isLeaving = false;
    this.#process = undefined;
    this.#isPaused = false;
    this.#clock.kill();
    peers.unplug(this.peerAddress);
    clients.unplug(this.address);
  }

  #trace(line: string): void {
    this.#world.trace(`${this.name} ${line}`);
  }
}
