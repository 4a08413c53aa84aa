import { Client, LockstepError } from '@lockstep/client';
import type { MemberProcess } from '../harness/real-cluster.ts';
import type { Fault, Role, Scene } from './scene.ts';

function killOne(name: string, role: Role, isAlone: boolean): Fault {
  return {
    name,
    isAlone,
    async run(scene) {
      const member = await scene.take(role);
      return member === undefined ? undefined : kill(scene, [member]);
    },
  };
}

async function kill(scene: Scene, members: readonly MemberProcess[]): Promise<string> {
  await Promise.all(members.map((member) => member.kill()));
  const lasted = await scene.during(() => {
    for (const member of members) member.start();
  });
  return `${members.map(({ name }) => name).join(' and ')} ${lasted}`;
}

function pause(name: string, role: Role): Fault {
  return {
    name,
    async run(scene) {
      const member = await scene.take(role);
      if (member === undefined) return undefined;
      const { program } = member;
      program.kill('SIGSTOP');
      return `${member.name} ${await scene.during(() => program.kill('SIGCONT'))}`;
    },
  };
}

/** The name of the one that is measured. */
export const leaderKill = 'kill -9 of the leader';

export const processFaults: readonly Fault[] = [
  killOne(leaderKill, 'leader', true),
  killOne('kill -9 of a follower', 'follower', false),
  {
    name: 'kill -9 of a majority',
    async run(scene) {
      const count = Math.floor(scene.chaos.members.length / 2) + 1;
      const members: MemberProcess[] = [];
      while (members.length < count) {
        const member = await scene.take('any');
        if (member === undefined) break;
        members.push(member);
      }
      return members.length === 0 ? undefined : kill(scene, members);
    },
  },
  pause('SIGSTOP of the leader', 'leader'),
  pause('SIGSTOP of a follower', 'follower'),
  {
    name: 'leadership handed over by command',
    async run({ chaos, random }) {
      const leader = await chaos.leader();
      const to = random.pick(chaos.members.filter((member) => member !== leader));
      if (leader === undefined) return undefined;
      return await handOver(leader, to);
    },
  },
];

/** Whether it succeeds is the cluster's to decide: what counts is that it was asked for. */
async function handOver(from: MemberProcess, to: MemberProcess): Promise<string> {
  await using client = new Client({ endpoints: from.address, learnEndpoints: false });
  try {
    const members = await client.members();
    const target = members.find(({ name }) => name === to.name);
    if (target === undefined) return `to ${to.name}, which is not listed`;
    await client.moveLeader(target.memberId);
    return `from ${from.name} to ${to.name}`;
  } catch (error) {
    if (!(error instanceof LockstepError)) throw error;
    return `from ${from.name} to ${to.name}: ${error.code}`;
  }
}
