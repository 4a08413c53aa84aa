import type { LockHolder } from '@lockstep/locks';
import { holderName } from './holder-name.ts';
import type { Io } from './io.ts';
import { printable } from './printable.ts';
import { table } from './table.ts';

/** Those who hold something together, and those who wait for it, next first. */
export interface HolderList<One extends LockHolder> {
  readonly holders: readonly One[];
  readonly waiting: readonly One[];
}

/** What is told of each one besides who that is: what it is called, and what it is. */
export interface Fact<One extends LockHolder> {
  readonly name: string;
  of(one: One): string;
}

/** A row for each one; those who wait below a row that says so. */
export function holderLines<One extends LockHolder>(
  { holders, waiting }: HolderList<One>,
  { name, of }: Fact<One>,
): string[] {
  const line = (one: One): string =>
    `  ${holderName(one)}, ${name} ${of(one)}, token ${one.token}, lease ${one.lease}`;
  return [
    ...holders.map(line),
    ...(waiting.length === 0 ? [] : [`${waiting.length} waiting, next first:`]),
    ...waiting.map(line),
  ];
}

export function holderTable<One extends LockHolder>(
  io: Io,
  { holders, waiting }: HolderList<One>,
  { name, of }: Fact<One>,
): Promise<string> {
  const row = (place: string, one: One): string[] => [
    ...[place, printable(Buffer.from(one.identity)), of(one)],
    ...[String(one.token), one.lease],
  ];
  return table(
    io,
    ['place', 'identity', name, 'token', 'lease'],
    [
      ...holders.map((one) => row('holder', one)),
      ...waiting.map((one, at) => row(String(at + 1), one)),
    ],
  );
}
