import type { Dial } from '@lockstep/client';
import { subprotocol } from '@lockstep/client/protocol';
import { WebSocket } from 'ws';
import { watchIdsOfEvents } from './lockstep.ts';

/** Opens WebSockets as the client's own dial does, and tells of each notification for how many watches it is. */
export function countingDial(counted: (watches: number) => void): Dial {
  return (url, handler) => {
    const socket = new WebSocket(url, subprotocol, { perMessageDeflate: false });
    let isOver = false;
    const closed = (reason: string): void => {
      if (isOver) return;
      isOver = true;
      handler.closed({ reason, inOrder: false });
    };
    socket.on('open', () => handler.opened());
    socket.on('ping', () => handler.alive());
    socket.on('message', (data: Buffer) => {
      if (isOver) return;
      counted(watchIdsOfEvents(data, 0, data.length));
      handler.frame(String(data));
    });
    socket.on('error', (error) => closed(error.message));
    socket.on('close', () => closed('the connection was closed'));
    return {
      send: (frames) => {
        for (const frame of frames) socket.send(frame, () => {});
      },
      close: () => {
        isOver = true;
        socket.terminate();
      },
    };
  };
}
