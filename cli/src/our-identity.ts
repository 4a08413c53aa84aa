import { hostname, userInfo } from 'node:os';

/** Who this is, for those who look: somebody on a machine. */
export function ourIdentity(): string {
  return `${userName()}@${hostname()} pid ${process.pid}`;
}

/** Who gives an order, for the history: which process it was says nothing later. */
export function ourName(): string {
  return `${userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.()); // In a container, a user need not have a name.
  }
}
