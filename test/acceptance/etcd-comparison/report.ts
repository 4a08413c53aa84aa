import type { Finding } from './compare.ts';
import type { Request } from './model.ts';
import type { SeedResult } from './run-seed.ts';

const tailRequests = 12;
const findingsShown = 5;
const requestCharacters = 1_000;

const command = 'node --conditions=source --import tsx test/acceptance/etcd-comparison/run.ts';

/**
 * A difference with what was asked before it, and the line that shows it again.
 *
 * @param options those of the command line.
 */
export function report({ findings, requests }: SeedResult, what: string, options = ''): string {
  const tail = requests.slice(-tailRequests);
  const first = requests.length - tail.length;
  const shown = findings.slice(0, findingsShown);
  const rest = findings.length - shown.length;
  return [
    `${what}: etcd and Lockstep differ at request ${requests.length - 1}`,
    ...shown.map(describe),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
    '  the requests up to it:',
    ...tail.map((request, at) => `  ${first + at}  ${brief(request)}`),
    `  again: ${command} ${options}`.trimEnd(),
    '',
  ].join('\n');
}

function describe({ request, path, field, etcd, lockstep, compacted }: Finding): string {
  return [
    `  ${request.kind}${path === '' ? '' : ` at ${path}`}: ${field}; compacted at ${compacted}`,
    `    of        ${brief(request)}`,
    `    etcd      ${JSON.stringify(etcd)}`,
    `    Lockstep  ${JSON.stringify(lockstep)}`,
  ].join('\n');
}

/** Without what is nothing, and cut where it gets long: the line at the end shows all of it again. */
function brief(request: Request): string {
  const nothing: readonly unknown[] = [false, 0, '0', 'none'];
  const text = JSON.stringify(request, (name, value: unknown) =>
    nothing.includes(value) || (name === 'sortTarget' && value === 'key') ? undefined : value,
  );
  return text.length <= requestCharacters ? text : `${text.slice(0, requestCharacters)} ...`;
}
