import type { Proofs } from './callers.ts';

/**
 * What an Authorization header proves: `Bearer <token>`, `Basic <name:password in base64>`, or a token
 * alone, as etcd's gateway takes it. Nothing when there is none.
 */
export function proofsOfHeader(header: string | undefined): Proofs {
  const text = header?.trim() ?? '';
  if (text === '') return {};
  const [scheme = '', ...rest] = text.split(' ');
  const value = rest.join(' ').trim();
  if (/^bearer$/i.test(scheme)) return { token: value };
  if (!/^basic$/i.test(scheme)) return { token: text };
  const decoded = textOfBase64(value);
  const at = decoded?.indexOf(':') ?? -1;
  // It is no password, and no token either: refused as a token that is none.
  if (decoded === undefined || at < 0) return { token: text };
  return { basic: { name: decoded.slice(0, at), password: decoded.slice(at + 1) } };
}

function textOfBase64(value: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(value), (character) => character.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
