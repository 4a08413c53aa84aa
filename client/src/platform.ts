import type { Dial } from './transport.ts';

/** Node 20 has no WebSocket of its own, and `ws` can send a tick's frames in one system call. */
export async function platformDial(): Promise<Dial> {
  const node = typeof process === 'object' && typeof process.versions?.node === 'string';
  if (node) return (await import('./transport-node.ts')).dialNode;
  return (await import('./transport-browser.ts')).dialBrowser;
}
