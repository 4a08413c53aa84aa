/** One file of the console page, as it is served. */
export interface ConsoleFile {
  /** Where it is found; the page itself is at `/`. */
  readonly path: string;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Of the content, in quotes, as HTTP has it. */
  readonly etag: string;
}

export interface ConsoleAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/**
 * Nothing but the member itself: no inline script or style, no frame, no form that leaves, and no text
 * that becomes markup (`lit-html` names the one policy that may, for its own templates).
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types lit-html',
].join('; ');

const protection = {
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

const notBuilt = 'The console page is not built: run "npm run build".\n';

/**
 * The answers to `GET` of the page's files; undefined for a path that is none of them.
 * @param files undefined when there are none: then `/` says how to make them.
 */
export function consolePage(
  files: readonly ConsoleFile[] | undefined,
): (path: string, ifNoneMatch: string | undefined) => ConsoleAnswer | undefined {
  if (files === undefined) {
    const headers = { ...protection, 'content-type': 'text/plain; charset=utf-8' };
    const body = new TextEncoder().encode(notBuilt);
    return (path) => (path === '/' ? { status: 503, headers, body } : undefined);
  }
  const byPath = new Map(files.map((file) => [file.path, file]));
  return (path, ifNoneMatch) => {
    const file = byPath.get(path);
    if (file === undefined) return undefined;
    // Asked for anew each time and then mostly not sent: after an upgrade nobody has an old page.
    const headers = { ...protection, etag: file.etag, 'cache-control': 'no-cache' };
    if (matches(ifNoneMatch, file.etag)) return { status: 304, headers };
    return {
      status: 200,
      headers: { ...headers, 'content-type': file.contentType },
      body: file.body,
    };
  };
}

/** RFC 9110, 13.1.2: a list of tags compared without regard to weakness, or `*`. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}
