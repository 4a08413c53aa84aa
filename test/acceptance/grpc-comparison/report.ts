import { cut, describeDifference } from './difference.ts';
import { describeRequest } from './messages.ts';
import type { SeedResult } from './run-raw-seed.ts';

const tailRequests = 10;
const findingsShown = 5;

/** A difference with what was asked before it, and the line that shows it again. */
export function report({ found, requests }: SeedResult, what: string, options = ''): string {
  const tail = requests.slice(-tailRequests);
  const first = requests.length - tail.length;
  const rest = found.length - findingsShown;
  return [
    `${what}: etcd and Lockstep differ at request ${requests.length - 1}`,
    ...found.slice(0, findingsShown).map(describeDifference),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
    '  the requests up to it:',
    ...tail.map((request, at) => `  ${first + at}  ${cut(describeRequest(request))}`),
    `  again: npm run compare -- ${options}`.trimEnd(),
    '',
  ].join('\n');
}
