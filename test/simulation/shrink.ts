import { harms, type SimPlan } from './plan.ts';

export interface Shrunk {
  readonly plan: SimPlan;
  /** Runs that it took. */
  readonly tries: number;
}

/** A failing seed is shrunk in at most so many runs, then what was reached is as small as it gets. */
export const triesMax = 60;
/** Halving the torment ends here. */
const tormentStepMs = 250;

/**
 * Makes the plan of a failing run smaller, while it goes on to fail by the same rule: without kinds of harm, with
 * fewer clients, with a shorter torment. A smaller plan is another run, so nothing says that what fails with less
 * fails with more; each candidate is tried.
 */
export async function shrink(
  start: SimPlan,
  failsTheSame: (plan: SimPlan) => Promise<boolean>,
  most: number = triesMax,
): Promise<Shrunk> {
  let plan = start;
  let tries = 0;
  const accept = async (changes: Partial<SimPlan>): Promise<boolean> => {
    if (tries >= most) return false;
    tries++;
    const candidate = { ...plan, ...changes };
    if (!(await failsTheSame(candidate))) return false;
    plan = candidate;
    return true;
  };
  let before: SimPlan;
  do {
    before = plan;
    for (const harm of harms) {
      if (!plan.without.includes(harm)) await accept({ without: sorted([...plan.without, harm]) });
    }
    for (let clients = 1; clients < plan.clients; clients++) {
      if (await accept({ clients })) break;
    }
    let passes = 0;
    while (plan.tormentMs - passes > tormentStepMs) {
      const tormentMs = Math.floor((passes + plan.tormentMs) / 2);
      if (!(await accept({ tormentMs }))) passes = tormentMs;
    }
  } while (plan !== before && tries < most);
  return { plan, tries };
}

function sorted(without: SimPlan['without']): SimPlan['without'] {
  return harms.filter((harm) => without.includes(harm));
}
