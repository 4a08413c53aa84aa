import fc from 'fast-check';

/** A run that failed is replayed with its seed, and any seed can be run for as long as one likes. */
const seed = Number(process.env.LOCKSTEP_FUZZ_SEED ?? 1);
/** Some inputs are megabytes; the seed has them all. */
const shownMax = 4_000;
const wantedRuns = process.env.LOCKSTEP_FUZZ_RUNS;

/** How many runs the reader asked for, or else so many. */
export function fuzzRuns(runs: number): number {
  return wantedRuns === undefined ? runs : Number(wantedRuns);
}

/**
 * Holds `check` to `runs` inputs that follow from the seed.
 * @throws Error with the smallest input that fails, its seed and how to run it again.
 */
export async function fuzz<Input>(
  runs: number,
  input: fc.Arbitrary<Input>,
  check: (input: Input) => void | Promise<void>,
): Promise<void> {
  const numRuns = fuzzRuns(runs);
  const details = await fc.check(
    fc.asyncProperty(input, async (value) => check(value)),
    { seed, numRuns, endOnFailure: numRuns > 20_000 },
  );
  if (!details.failed) return;
  const replay = `LOCKSTEP_FUZZ_SEED=${details.seed} LOCKSTEP_FUZZ_RUNS=${numRuns}`;
  const cause = details.errorInstance;
  const why = cause instanceof Error ? cause.stack : String(cause);
  const shown = fc.stringify(details.counterexample).slice(0, shownMax);
  throw new Error(`run ${details.numRuns} failed; replay with ${replay}\n${shown}\n${why}`, {
    cause,
  });
}

/** One thing that happens to bytes. Places are taken modulo what is there. */
export type ByteMutation =
  | { readonly type: 'flip'; readonly at: number; readonly bit: number }
  | { readonly type: 'set'; readonly at: number; readonly byte: number }
  | { readonly type: 'cut'; readonly at: number }
  | { readonly type: 'drop'; readonly at: number; readonly length: number }
  | { readonly type: 'zero'; readonly at: number; readonly length: number }
  | { readonly type: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly type: 'repeat'; readonly at: number; readonly length: number }
  | { readonly type: 'swap'; readonly at: number; readonly to: number; readonly length: number };

const place = fc.nat({ max: 2 ** 31 - 1 });
const length = fc.oneof(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 600 }));

/** Lengths and counts that promise far more than there is: as varints, as u32 and as u64. */
const lies = [
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x80, 0x80, 0x80, 0x80, 0x08],
  [0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff],
  [0, 0, 0, 0x80],
  [0, 0, 0, 0, 0, 0, 0, 0x80],
].map((bytes) => Uint8Array.from(bytes));

export const byteMutations: fc.Arbitrary<ByteMutation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('flip'), at: place, bit: fc.nat(7) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('set'), at: place, byte: fc.nat(255) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('cut'), at: place }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('drop'), at: place, length }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('zero'), at: place, length }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('insert'),
      at: place,
      bytes: fc.oneof(fc.constantFrom(...lies), fc.uint8Array({ minLength: 1, maxLength: 40 })),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('repeat'), at: place, length }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('swap'), at: place, to: place, length }) },
);

/** The bytes after what happens to them; the original stays as it is. */
export function mutatedBytes(bytes: Uint8Array, mutations: readonly ByteMutation[]): Uint8Array {
  return mutations.reduce(mutated, new Uint8Array(bytes));
}

function mutated(bytes: Uint8Array, mutation: ByteMutation): Uint8Array {
  const size = Math.max(1, bytes.length);
  const at = mutation.at % size;
  switch (mutation.type) {
    case 'flip':
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << mutation.bit);
      return bytes;
    case 'set':
      if (at < bytes.length) bytes[at] = mutation.byte;
      return bytes;
    case 'cut':
      return bytes.slice(0, at);
    case 'drop':
      return joined(bytes.subarray(0, at), bytes.subarray(at + mutation.length));
    case 'zero':
      return bytes.fill(0, at, at + mutation.length);
    case 'insert':
      return joined(bytes.subarray(0, at), mutation.bytes, bytes.subarray(at));
    case 'repeat':
      return joined(bytes.subarray(0, at + mutation.length), bytes.subarray(at));
    case 'swap': {
      const [first, second] = [Math.min(at, mutation.to % size), Math.max(at, mutation.to % size)];
      const span = Math.min(mutation.length, second - first, bytes.length - second);
      return joined(
        bytes.subarray(0, first),
        bytes.subarray(second, second + span),
        bytes.subarray(first + span, second),
        bytes.subarray(first, first + span),
        bytes.subarray(second + span),
      );
    }
  }
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/**
 * How many bytes `run` asked for in typed arrays, beyond what its input takes: what a decoder that
 * believes a length would ask for before it looks whether the bytes are there.
 */
export function largestArrayAsked(run: () => void): number {
  const real = globalThis.Uint8Array;
  let largest = 0;
  globalThis.Uint8Array = new Proxy(real, {
    construct(target, given, self) {
      const [first] = given;
      if (typeof first === 'number') largest = Math.max(largest, first);
      return Reflect.construct(target, given, self);
    },
  });
  try {
    run();
  } finally {
    globalThis.Uint8Array = real;
  }
  return largest;
}
