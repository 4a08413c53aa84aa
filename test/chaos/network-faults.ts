import { execFileSync } from 'node:child_process';
import { clients } from './links.ts';
import type { Fault } from './scene.ts';

export const networkFaults: readonly Fault[] = [
  {
    name: 'a member cut off from everybody',
    async run(scene) {
      const member = await scene.take('any');
      if (member === undefined) return undefined;
      const { name } = member;
      const both = [
        { from: name, isHeld: true },
        { to: name, isHeld: true },
      ] as const;
      return `${name} ${await scene.during(scene.chaos.links.trouble(...both))}`;
    },
  },
  {
    name: 'a member cut off from members, not from clients',
    async run(scene) {
      const member = await scene.take('any');
      if (member === undefined) return undefined;
      const { name } = member;
      const rest = scene.chaos.members.filter((other) => other !== member);
      const both = rest.flatMap((other) => [
        { from: name, to: other.name, isHeld: true },
        { from: other.name, to: name, isHeld: true },
      ]);
      return `${name} ${await scene.during(scene.chaos.links.trouble(...both))}`;
    },
  },
  {
    name: 'two members cut off from each other',
    async run(scene) {
      const [one, other] = [await scene.take('any'), await scene.take('any')];
      if (one === undefined || other === undefined) return undefined;
      const [from, to] = [one.name, other.name];
      const both = [
        { from, to, isHeld: true },
        { from: to, to: from, isHeld: true },
      ] as const;
      return `${from} and ${to} ${await scene.during(scene.chaos.links.trouble(...both))}`;
    },
  },
  {
    name: 'a one-way partition between members',
    async run(scene) {
      const member = await scene.take(scene.random.pick(['leader', 'follower']));
      if (member === undefined) return undefined;
      const { name } = member;
      const isDeaf = scene.random.oneIn(2);
      const way = scene.chaos.members
        .filter((other) => other !== member)
        .map((other) =>
          isDeaf
            ? { from: other.name, to: name, isHeld: true }
            : { from: name, to: other.name, isHeld: true },
        );
      const lasted = await scene.during(scene.chaos.links.trouble(...way));
      return `${isDeaf ? 'to' : 'from'} ${name} ${lasted}`;
    },
  },
  {
    name: 'a member cut off from clients',
    async run(scene) {
      const member = await scene.take('any');
      if (member === undefined) return undefined;
      const { name } = member;
      const both = [
        { from: clients, to: name, isHeld: true },
        { from: name, to: clients, isHeld: true },
      ] as const;
      // Sometimes what is asked arrives, and only the answers do not.
      const way = scene.random.oneIn(2) ? both : [both[1]];
      const lasted = await scene.during(scene.chaos.links.trouble(...way));
      return `${way.length === 1 ? 'answers of ' : ''}${name} ${lasted}`;
    },
  },
  {
    name: 'delay',
    async run(scene) {
      const member = await scene.take('any');
      if (member === undefined) return undefined;
      const { name } = member;
      const delayMs = scene.random.pick([20, 100, 400]);
      const both = [
        { from: name, delayMs },
        { to: name, delayMs },
      ] as const;
      const lasted = await scene.during(scene.chaos.links.trouble(...both));
      return `of ${delayMs} ms to and from ${name} ${lasted}`;
    },
  },
  {
    name: 'connections cut',
    async run(scene) {
      const member = await scene.take('any');
      if (member === undefined) return undefined;
      const whose = scene.random.pick(['clients', 'members'] as const);
      const cut = (): void => scene.chaos.cut(member, whose);
      cut();
      return `of ${member.name} and ${whose}, again ${await scene.during(cut)}`;
    },
  },
  {
    name: 'packets of a member dropped',
    needs: 'routes',
    async run(scene) {
      const member = await scene.take('any');
      if (member === undefined) return undefined;
      const { clientAddress, peerAddress } = member.plan;
      const side = scene.random.pick(['dport', 'sport']);
      const rules = [clientAddress, peerAddress].map((address) => [
        ...['ipproto', 'tcp', side, address.slice(address.indexOf(':') + 1), 'blackhole'],
      ]);
      for (const rule of rules) run('ip', ['rule', 'add', 'pref', '100', ...rule]);
      const lasted = await scene.during(() => {
        for (const rule of rules) run('ip', ['rule', 'del', 'pref', '100', ...rule]);
      });
      return `${side === 'dport' ? 'to' : 'from'} the doors of ${member.name} ${lasted}`;
    },
  },
  {
    name: 'packets lost and late everywhere (netem)',
    needs: 'netem',
    async run(scene) {
      const device = ['dev', 'lo', 'root'];
      run('tc', ['qdisc', 'add', ...device, 'netem', 'delay', '5ms', '3ms', 'loss', '2%']);
      return scene.during(() => run('tc', ['qdisc', 'del', ...device]));
    },
  },
];

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
