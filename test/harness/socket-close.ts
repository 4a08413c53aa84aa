import type { Socket } from 'node:net';

/** Resolves when the socket is closed, also by a reset: whoever sends what nobody wants gets one. */
export function closeOf(socket: Socket): Promise<void> {
  socket.on('error', () => undefined);
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}
