import type { Platform } from './platform.ts';
import { dialBrowser } from './transport-browser.ts';

/** Browsers, and every runtime that is not Node: the platform's own WebSocket, nobody to trace. */
export const platform: Platform = {
  dial: async () => dialBrowser,
  channel: () => ({ hasSubscribers: false, publish: () => {} }),
  keepAliveWorker: undefined,
};
