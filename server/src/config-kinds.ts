/** The kinds of values that settings have, each with the words that say what would be right. */
import { z } from 'zod';

export interface ClusterEntry {
  readonly name: string;
  /** host:port of the member's peer door. */
  readonly address: string;
}

export const wholeNumber = (least: number, most: number) =>
  z.preprocess(
    (given) => (typeof given === 'string' && /^\d+$/.test(given.trim()) ? Number(given) : given),
    z
      .number(`must be a whole number from ${least} to ${most}`)
      .refine(
        (value) => Number.isSafeInteger(value) && value >= least && value <= most,
        `must be a whole number from ${least} to ${most}`,
      ),
  );

export const bytes = (least: number) => wholeNumber(least, 2 ** 40);

export const oneOf = <const Word extends string>(words: readonly [Word, ...Word[]]) =>
  z.enum(words, `must be one of ${words.join(', ')}`);

export const text = z.string('must be text').trim().min(1, 'must not be empty');

export const memberName = text.regex(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  'must be letters, digits, ".", "_" and "-", at most 64, beginning with a letter or digit',
);

export const address = z
  .string('must be host:port, for example 127.0.0.1:2379')
  .trim()
  .superRefine((given, context) => {
    const problem = addressProblem(given);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

/** One text with commas, or a list. */
export const list = z.preprocess(
  (given) =>
    typeof given === 'string'
      ? given
          .split(',')
          .map((part) => part.trim())
          .filter(Boolean)
      : given,
  z.array(text, 'must be a list, or one text with commas'),
);

/** Several addresses: one text with commas, or a list. */
export const addresses = z.preprocess(
  (given) =>
    typeof given === 'string' ? given.split(',').filter((part) => part.trim() !== '') : given,
  z
    .array(
      address.refine((one) => !one.includes('='), 'has names; write host:port,host:port alone'),
      'must be host:port,host:port',
    )
    .min(1, 'must name at least one host:port'),
);

/** `a=host:port,b=host:port`, a list of such, or (in YAML) a map of name to host:port. As in etcd, an address may be a URL. */
export const cluster = z.preprocess(
  (given) => {
    if (typeof given === 'string') return given.split(',').filter((part) => part.trim() !== '');
    if (typeof given === 'object' && given !== null && !Array.isArray(given)) {
      return Object.entries(given).map(([name, at]) => `${name}=${String(at)}`);
    }
    return given;
  },
  z
    .array(z.string(), 'must be name=host:port,name=host:port')
    .transform((entries, context): ClusterEntry[] => {
      const parsed: ClusterEntry[] = [];
      for (const entry of entries) {
        const cut = entry.indexOf('=');
        const name = entry.slice(0, cut).trim();
        const address = hostPortOf(entry.slice(cut + 1).trim());
        const problem =
          cut <= 0
            ? `"${entry}" is not name=host:port`
            : typeof address === 'string'
              ? addressProblem(address)
              : address.problem;
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
        else if (typeof address === 'string') parsed.push({ name, address });
      }
      return parsed;
    }),
);

/** A flag without a value is a yes. */
export const yesOrNo = z.preprocess(
  (given) => (given === 'true' ? true : given === 'false' ? false : given),
  z.boolean('must be true or false'),
);

/** The host:port of a URL, as etcd names addresses; what has no scheme is left as it is. */
export function hostPortOf(given: string): string | { readonly problem: string } {
  const [, scheme, rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/.exec(given) ?? [];
  if (scheme === undefined) return given;
  if (scheme === 'https') {
    return {
      problem: `is ${given}, and there are no certificates to serve https with; write http://${rest}`,
    };
  }
  if (scheme !== 'http') {
    return { problem: `is ${given}; of URLs only http://host:port is taken` };
  }
  const [, address = '', path = ''] = /^([^/?#]*)(.*)$/.exec(rest) ?? [];
  if (path !== '' && path !== '/')
    return { problem: `is ${given}, which has a path; write http://${address}` };
  if (!/:\d+$/.test(address))
    return { problem: `is ${given}, which has no port; write http://${address}:2379` };
  return address;
}

function addressProblem(given: string): string | undefined {
  const example = 'write host:port, for example 127.0.0.1:2379';
  if (given.includes('://')) {
    return `has a scheme; write host:port alone, for example ${given.replace(/^.*:\/\//, '').replace(/\/.*$/, '')}`;
  }
  const match = /^(\[[0-9A-Fa-f:.]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(given);
  if (match === null) {
    if (/^[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:\d+$/.test(given)) {
      return 'is an IPv6 address without brackets; write it like [::1]:2379';
    }
    return `is not host:port; ${example}`;
  }
  return Number(match[2]) > 65_535 ? 'has a port above 65535' : undefined;
}

/** Host and port of a checked address; an IPv6 host comes without brackets. */
export function splitAddress(checked: string): { readonly host: string; readonly port: number } {
  const cut = checked.lastIndexOf(':');
  return {
    host: checked.slice(0, cut).replace(/^\[|\]$/g, ''),
    port: Number(checked.slice(cut + 1)),
  };
}
