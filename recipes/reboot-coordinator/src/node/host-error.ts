/** Something on this host is not as it must be: what, and what would mend it. */
export class HostError extends Error {
  override readonly name = 'HostError';
}
