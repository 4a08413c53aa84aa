import type { Socket } from 'node:net';
import { DecodeError } from '../../server/src/core/base/codec.ts';
import { decodeFrame } from '../../server/src/member/peer-frame.ts';
import type { Join } from '../harness/tcp-proxy.ts';
import { clients, type Links } from './links.ts';
import { Pipe } from './pipe.ts';

/** Length and checksum before each frame between members. */
const prefixBytes = 8;

/** How a proxy before a member's client door passes bytes: as the links say. */
export function joinClients(links: Links, member: string): Join {
  return (near, far) => join(links, { near, far, caller: clients, member });
}

/** The same before its door for members. Whoever calls there says its name first. */
export function joinMembers(links: Links, member: string): Join {
  return (near, far) => {
    let first: Uint8Array = new Uint8Array();
    const listen = (bytes: Uint8Array): void => {
      first = Buffer.concat([first, bytes]);
      const caller = callerOf(first);
      if (caller === undefined) return;
      near.off('data', listen);
      near.pause();
      const { forth } = join(links, { near, far, caller, member });
      forth.take(first);
    };
    near.on('data', listen);
    near.resume();
  };
}

interface Ends {
  readonly near: Socket;
  readonly far: Socket;
  readonly caller: string;
  readonly member: string;
}

function join(links: Links, { near, far, caller, member }: Ends): { readonly forth: Pipe } {
  const forth = new Pipe(near, far, () => links.passage(caller, member));
  const back = new Pipe(far, near, () => links.passage(member, caller));
  const forget = links.onChange(() => {
    forth.pump();
    back.pump();
  });
  near.once('close', forget);
  return { forth };
}

/** The name in the first frame; undefined while that is not whole, empty if it has none. */
function callerOf(bytes: Uint8Array): string | undefined {
  if (bytes.length < prefixBytes) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (bytes.length < prefixBytes + length) return undefined;
  try {
    const frame = decodeFrame(bytes.slice(prefixBytes, prefixBytes + length));
    return frame.type === 'hello' ? frame.self.name : '';
  } catch (error) {
    if (error instanceof DecodeError) return '';
    throw error;
  }
}
