import pino from 'pino';
import type { LogLevel } from './config.ts';
import { type MemberEvent, memberEventLevels } from './member/events.ts';

/** What is told of the process around the member. */
export const processEventLevels = {
  started: 'info',
  recovered: 'warn',
  internal_error: 'error',
  stopping: 'info',
  failed: 'fatal',
} as const;

type ProcessEventName = keyof typeof processEventLevels;
type Fields = Readonly<Record<string, string | number>>;

/** One line of JSON for each important event, none for a request. */
export interface Log {
  member(event: MemberEvent): void;
  process(name: ProcessEventName, sentence: string, fields?: Fields): void;
  /** Something that nobody foresaw, with its stack. */
  internalError(thrown: unknown): void;
}

/** @param destination where the lines go; standard output by default. */
export function openLog(
  { name, logLevel }: { readonly name: string; readonly logLevel: LogLevel },
  destination?: { write(line: string): void },
): Log {
  const settings = {
    level: logLevel,
    base: { member: name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level: string) => ({ level }) },
  };
  const log = destination === undefined ? pino(settings) : pino(settings, destination);
  return {
    member: ({ name: event, sentence, fields }) =>
      log[memberEventLevels[event]]({ event, ...fields }, sentence),
    process: (event, sentence, fields = {}) =>
      log[processEventLevels[event]]({ event, ...fields }, sentence),
    internalError: (thrown) =>
      log.error(
        { event: 'internal_error', err: thrown },
        'a request failed in a way nobody foresaw',
      ),
  };
}
