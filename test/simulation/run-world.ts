import type { SimCommand } from './sim-options.ts';

const progressMs = 10_000;

/** Runs seeds of what is built on the store, one after the other, and adds up what they reached. @returns the exit code. */
export async function runWorld(command: SimCommand & { type: 'world' }): Promise<number> {
  const { world, first, seeds, minutes } = command;
  // Loaded here, since the simulator of the store alone needs none of it.
  const { worlds } = await import('./worlds.ts');
  const began = performance.now();
  const reached = new Map<string, number>();
  let told = began;
  let done = 0;
  const line = (): string => {
    const perMinute = Math.round((done / (performance.now() - began)) * 60_000);
    return `${world}: ${done} seeds from ${first}, ${perMinute} a minute`;
  };
  for (; done < seeds && performance.now() < began + minutes * 60_000; done++) {
    const seed = first + done;
    try {
      for (const [what, count] of Object.entries(await worlds[world](seed))) {
        reached.set(what, (reached.get(what) ?? 0) + count);
      }
    } catch (error) {
      console.error(error);
      console.error(
        `\nseed ${seed} fails: npm run sim -- --world ${world} --seeds 1 --from ${seed}`,
      );
      return 1;
    }
    if (performance.now() - told < progressMs) continue;
    told = performance.now();
    console.log(line());
  }
  const rows = [...reached].sort(([one], [other]) => (one < other ? -1 : 1));
  for (const [what, count] of rows) console.log(`${String(count).padStart(9)}  ${what}`);
  console.log(`${line()}, all rules hold`);
  return 0;
}
