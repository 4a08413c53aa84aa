/** Debian's Chromium for the end-to-end tests, with a fresh profile, and a record of what a page did. */
import { existsSync } from 'node:fs';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { temporaryDirectory } from './processes.ts';

const executable = '/usr/bin/chromium';

/** Why a test that needs a browser cannot run; false when it can. */
export const noBrowser = existsSync(executable) ? false : `there is no ${executable}`;

export function openBrowser(): Promise<BrowserContext> {
  return chromium.launchPersistentContext(temporaryDirectory(), {
    executablePath: executable,
    headless: true,
    chromiumSandbox: false,
    viewport: { width: 1280, height: 800 },
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface PageRecord {
  /** What the console of the page says of errors and warnings, uncaught errors included. */
  readonly complaints: string[];
  /** Every address that was asked for or connected to. */
  readonly addresses: string[];
}

/** Takes down what a page complains of and where it goes; called before it is sent anywhere. */
export function record(page: Page): PageRecord {
  const complaints: string[] = [];
  const addresses: string[] = [];
  page.on('console', (message) => {
    if (/error|warning/.test(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => addresses.push(request.url()));
  page.on('websocket', (socket) => addresses.push(socket.url()));
  return { complaints, addresses };
}
