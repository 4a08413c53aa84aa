import type { ClientAuth } from '@lockstep/client';
import { UsageError } from './failure.ts';
import type { Io } from './io.ts';

/** Who the user says to be, as the command line gave it. */
export interface AuthOptions {
  readonly user?: string;
  readonly token?: string;
}

/** A name whose password is still to be asked for. */
export interface NameOnly {
  readonly name: string;
  readonly password: undefined;
}

/**
 * `--token`, or `--user NAME[:PASSWORD]`, or the variables in their place. Undefined when there is
 * nothing.
 * @throws UsageError
 */
export function authOf(
  { user, token }: AuthOptions,
  env: Io['env'],
): ClientAuth | NameOnly | undefined {
  if (token !== undefined) {
    if (user === undefined) return { token };
    throw new UsageError('--token and --user exclude each other: give one of them');
  }
  const given = user ?? (env.LOCKSTEP_USER || undefined);
  if (given === undefined) return undefined;
  const colon = given.indexOf(':');
  const name = colon < 0 ? given : given.slice(0, colon);
  if (name === '') throw new UsageError('--user names nobody; write for example --user root');
  if (colon >= 0) return { name, password: given.slice(colon + 1) };
  return { name, password: env.LOCKSTEP_PASSWORD || undefined };
}

/** Asks for a password that is missing. @throws UsageError where there is nobody to ask. */
export async function withPassword(
  io: Io,
  auth: ClientAuth | NameOnly | undefined,
): Promise<ClientAuth | undefined> {
  if (auth === undefined || 'token' in auth) return auth;
  const { name, password } = auth;
  if (password !== undefined) return { name, password };
  if (io.stdin.isTTY !== true) {
    throw new UsageError(
      `there is no password for ${name}: set LOCKSTEP_PASSWORD, or give --user ${name}:PASSWORD`,
    );
  }
  return { name, password: await askPassword(io, `Password of ${name}: `) };
}

/**
 * A new password: asked for twice on a terminal, else the first line of standard input, which is taken as
 * it is.
 */
export async function newPassword(io: Io, name: string): Promise<string> {
  if (io.stdin.isTTY !== true) {
    const line = await firstLine(io);
    if (line === undefined) {
      throw new UsageError(
        `there is no password for ${name}: give --new-user-password, or a line on standard input`,
      );
    }
    return line;
  }
  const first = await askPassword(io, `New password of ${name}: `);
  const again = await askPassword(io, 'The same again: ');
  if (first !== again) throw new UsageError('the two are not the same; nothing was changed');
  return first;
}

async function firstLine(io: Io): Promise<string | undefined> {
  let text = '';
  for await (const chunk of io.stdin) {
    text += String(chunk);
    const end = text.indexOf('\n');
    if (end >= 0) return text.slice(0, end).replace(/\r$/, '');
  }
  return text === '' ? undefined : text;
}

const interrupt = '\u0003';
const endOfInput = '\u0004';
const erasures = ['\u007f', '\b'];

/** Reads a line from the terminal without showing it. */
async function askPassword(io: Io, prompt: string): Promise<string> {
  const stdin = io.stdin as Io['stdin'] & { setRawMode?(raw: boolean): void };
  io.stderr.write(prompt);
  stdin.setRawMode?.(true);
  stdin.resume();
  try {
    return await new Promise<string>((resolve, reject) => {
      let typed: string[] = [];
      const taken = (chunk: unknown): void => {
        for (const key of String(chunk)) {
          if (key === '\r' || key === '\n') return settle(() => resolve(typed.join('')));
          if (key === interrupt || key === endOfInput) {
            return settle(() => reject(new UsageError('no password was given')));
          }
          if (erasures.includes(key)) typed = typed.slice(0, -1);
          else typed.push(key);
        }
      };
      const settle = (end: () => void): void => {
        stdin.off('data', taken);
        end();
      };
      stdin.on('data', taken);
    });
  } finally {
    stdin.setRawMode?.(false);
    stdin.pause();
    io.stderr.write('\n');
  }
}
