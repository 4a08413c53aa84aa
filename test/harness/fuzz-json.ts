import fc from 'fast-check';

/** Values that are JSON and yet fit nowhere, as text: what JSON.stringify would not write is among them. */
const oddTexts = [
  'null',
  'true',
  '0',
  '-0',
  '-1',
  '1.5',
  '1e999',
  '-1e999',
  '1e-400',
  '9007199254740993',
  '123456789012345678901234567890',
  '""',
  '"\\ud800"',
  '"a\\udc00b"',
  '"\\u0000"',
  '"\\uffff"',
  '"NaN"',
  '"Infinity"',
  '"-0"',
  '"18446744073709551616"',
  '"9223372036854775808"',
  '"__proto__"',
  '"constructor"',
  '{}',
  '[]',
  '[[[[]]]]',
  '{"__proto__":{"key":"a"}}',
  '{"constructor":{"prototype":{"key":"a"}}}',
  '{"hasOwnProperty":1}',
  '{"toString":1,"length":2147483648}',
  '{"base64":"!"}',
  '{"base64":"AA"}',
  '{"base64":"/w=="}',
  '{"base64":"AB=="}',
  '{"base64":""}',
  '{"base64":"AA==","x":1}',
  `"${'k'.repeat(70_000)}"`,
  `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
  `${'{"txn":{"success":['.repeat(2_000)}${']}}'.repeat(2_000)}`,
  `[${'{},'.repeat(2_000)}{}]`,
] as const;

/** One thing that happens to one place in a JSON value. Places are taken modulo how many there are. */
export type JsonMutation =
  | { readonly type: 'replace'; readonly at: number; readonly text: string }
  | { readonly type: 'remove'; readonly at: number }
  | { readonly type: 'twice'; readonly at: number; readonly text: string }
  | { readonly type: 'rename'; readonly at: number; readonly name: string }
  | { readonly type: 'swap'; readonly at: number; readonly to: number };

const place = fc.nat({ max: 100_000 });
const odd = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...oddTexts) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
);
const names = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', 'key', 'prefix', 'once', 'txn', '', 'id'),
  fc.string({ maxLength: 8 }),
);

export const jsonMutations: fc.Arbitrary<JsonMutation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant('replace' as const), at: place, text: odd }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('remove' as const), at: place }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('twice' as const), at: place, text: odd }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('rename' as const), at: place, name: names }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('swap' as const), at: place, to: place }) },
);

/** The value as JSON text, after what happens to it. */
export function mutatedJson(value: unknown, mutations: readonly JsonMutation[]): string {
  const size = nodesOf(value);
  const byPlace = new Map<number, JsonMutation>();
  const texts = textsOf(value);
  for (const mutation of mutations) {
    byPlace.set(mutation.at % size, mutation);
    if (mutation.type !== 'swap') continue;
    const [at, to] = [mutation.at % size, mutation.to % size];
    byPlace.set(at, { type: 'replace', at, text: texts[to] ?? 'null' });
    byPlace.set(to, { type: 'replace', at: to, text: texts[at] ?? 'null' });
  }
  let count = 0;
  const write = (node: unknown, name: string | undefined): string[] => {
    const mutation = byPlace.get(count++);
    const label = mutation?.type === 'rename' ? mutation.name : name;
    const before = name === undefined ? '' : `${JSON.stringify(label)}:`;
    if (mutation?.type === 'replace') {
      count += nodesOf(node) - 1;
      return [before + mutation.text];
    }
    let text: string;
    if (Array.isArray(node)) {
      text = `[${node.flatMap((item) => write(item, undefined)).join()}]`;
    } else if (typeof node === 'object' && node !== null) {
      text = `{${Object.entries(node)
        .flatMap(([key, item]) => write(item, key))
        .join()}}`;
    } else text = JSON.stringify(node);
    if (mutation?.type === 'remove') return [];
    return mutation?.type === 'twice' ? [before + text, before + mutation.text] : [before + text];
  };
  return write(value, undefined).join();
}

/** How many values there are in it, itself included. */
function nodesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, item) => sum + nodesOf(item), 1);
}

function textsOf(value: unknown): string[] {
  const texts = [JSON.stringify(value)];
  if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) texts.push(...textsOf(item));
  }
  return texts;
}
