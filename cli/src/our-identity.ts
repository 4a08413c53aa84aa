import { hostname, userInfo } from 'node:os';

/** Who this is, for those who look: somebody on a machine. */
export function ourIdentity(): string {
  return `${userName()}@${hostname()} pid ${process.pid}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.()); // In a container, a user need not have a name.
  }
}
