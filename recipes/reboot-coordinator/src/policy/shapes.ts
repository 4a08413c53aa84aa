import { PolicyError } from './fault.ts';
import { isObject } from './json-object.ts';
import { parseLimit } from './limit.ts';
import {
  type AliveRecord,
  type FailureRecord,
  type FleetPolicy,
  type GroupPolicy,
  type HostRecord,
  hostStates,
  type Limit,
  type Order,
  type PaceRecord,
} from './records.ts';

type Shape = Readonly<Record<string, (value: unknown) => boolean>>;

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isTime = (value: unknown): value is number => Number.isFinite(value) && Number(value) >= 0;
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;
const isTrue = (value: unknown): value is boolean => typeof value === 'boolean';
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const maybe =
  (is: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === undefined || is(value);
const isLike =
  (shape: Shape) =>
  (value: unknown): boolean =>
    isObject(value) && Object.keys(shape).every((name) => shape[name]?.(value[name]));

/** That a limit means something is for `parseLimit` to say, in a sentence. */
function isLimit(value: unknown): value is Limit {
  if (!isObject(value)) return false;
  if ('percent' in value) parseLimit(`${value.percent}%`);
  else parseLimit(Number(value.count));
  return true;
}

const calendar: Shape = {
  windows: maybe(isTexts),
  blackouts: maybe(isTexts),
  timeZone: maybe(isText),
};

const host: Shape = {
  id: isText,
  group: isText,
  zone: maybe(isText),
  name: maybe(isText),
  via: (value) => value === 'agent' || value === 'fleetlock',
  state: (value) => hostStates.some((state) => state === value),
  since: isTime,
  bootId: maybe(isText),
  version: maybe(isText),
  credential: maybe(isText),
  isDrained: maybe(isTrue),
  member: maybe(isText),
  request: maybe(
    isLike({
      at: isTime,
      place: maybe(isCount),
      reason: (value) => typeof value === 'string',
      target: maybe(isText),
      isAsking: isTrue,
      notBefore: maybe(isTime),
    }),
  ),
  grant: maybe(isLike({ id: isText, at: isTime, startBy: isTime, rebootBy: maybe(isTime) })),
  loop: maybe(isLike({ cause: (value) => typeof value === 'string', boots: isCount })),
};

const group: Shape = {
  ...calendar,
  limit: isLimit,
  gapMs: maybe(isTime),
  soakMs: maybe(isTime),
  startWithinMs: maybe(isTime),
  overdueAfterMs: maybe(isTime),
  breakAfter: maybe(isCount),
  writeOff: maybe(isCount),
  bootsMax: maybe(isCount),
  priority: maybe(Number.isSafeInteger),
  checks: maybe(isTexts),
  tokenSha256: maybe(isText),
};

const fleet: Shape = {
  ...calendar,
  limit: maybe(isLimit),
  zoneLimit: maybe(isLimit),
  gapMs: maybe(isTime),
  breakAfter: maybe(isCount),
  writeOff: maybe(isCount),
};

/**
 * Reads a document that any program may have written. @throws PolicyError when it is no such record, so that nobody
 * takes what cannot be read for what is not there.
 */
function reader<Of>(what: string, shape: Shape): (text: string) => Of {
  return (text) => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new PolicyError(`the ${what} is not JSON`);
    }
    if (!isObject(value)) throw new PolicyError(`the ${what} is not a JSON object`);
    for (const name of Object.keys(shape)) {
      if (shape[name]?.(value[name]) === true) continue;
      throw new PolicyError(`the ${what} has a wrong ${name}: ${JSON.stringify(value[name])}`);
    }
    // Each field that the type has was looked at above.
    return value as Of;
  };
}

export const readHost = reader<HostRecord>('record of the host', host);
export const readGroup = reader<GroupPolicy>('policy of the group', group);
export const readFleet = reader<FleetPolicy>('policy of the fleet', fleet);
export const readAlive = reader<AliveRecord>('sign of life', { bootId: isText, instance: isText });
export const readOrder = reader<Order>('order', {
  by: isText,
  reason: (value) => typeof value === 'string',
  at: isTime,
});
export const readFailure = reader<FailureRecord>('failure', {
  host: isText,
  group: isText,
  at: isTime,
  reason: (value) => typeof value === 'string',
  version: maybe(isText),
});
export const readPace = reader<PaceRecord>('pace', {
  grantedAt: maybe(isTime),
  releasedAt: maybe(isTime),
});
