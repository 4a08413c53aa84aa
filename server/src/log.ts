import pino from 'pino';
import type { LogLevel } from './config.ts';
import { type MemberEvent, memberEventLevels } from './member/events.ts';

/**
 * Where the lines of an embedded member go: a logger of `pino`, or `console`. Each call has the fields of an
 * event, its name and the member's among them, and then a sentence.
 */
export interface Logger {
  /** Left out where it is absent, as `fatal` is told as an error. */
  debug?(fields: object, sentence: string): void;
  info(fields: object, sentence: string): void;
  warn(fields: object, sentence: string): void;
  error(fields: object, sentence: string): void;
  fatal?(fields: object, sentence: string): void;
}

/** What is told of the process around the member. */
export const processEventLevels = {
  configured: 'warn',
  joining: 'info',
  started: 'info',
  recovered: 'warn',
  certificate_reloaded: 'info',
  certificate_problem: 'warn',
  handshake_refused: 'warn',
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
  // Even a silent pino listens to the end of the process, which may be a program's own.
  if (logLevel === 'silent') return logOver(silence, name);
  const settings = {
    level: logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level: string) => ({ level }) },
  };
  return logOver(destination === undefined ? pino(settings) : pino(settings, destination), name);
}

const silence: Logger = { info: () => {}, warn: () => {}, error: () => {} };

/** The events of one member as lines of a logger. */
export function logOver(logger: Logger, member: string): Log {
  const write = (level: keyof Logger, fields: object, sentence: string): void => {
    const chosen = level === 'fatal' && logger.fatal === undefined ? 'error' : level;
    logger[chosen]?.({ member, ...fields }, sentence);
  };
  return {
    member: ({ name: event, sentence, fields }) =>
      write(memberEventLevels[event], { event, ...fields }, sentence),
    process: (event, sentence, fields = {}) =>
      write(processEventLevels[event], { event, ...fields }, sentence),
    internalError: (thrown) =>
      write(
        'error',
        { event: 'internal_error', err: thrown },
        'a request failed in a way nobody foresaw',
      ),
  };
}
