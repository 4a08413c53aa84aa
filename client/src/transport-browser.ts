import { subprotocol } from '@lockstep/client/protocol';
import { closeReason, type Dial } from './transport.ts';

/** The platform's own WebSocket: browsers, and every runtime that is not Node. */
export const dialBrowser: Dial = (url, handler) => {
  const socket = new WebSocket(url, subprotocol);
  let done = false;
  const finish = (reason: string): void => {
    if (done) return;
    done = true;
    handler.closed(reason);
  };
  socket.onopen = () => {
    if (!done) handler.opened();
  };
  socket.onmessage = (event) => {
    if (done) return;
    if (typeof event.data === 'string') handler.frame(event.data);
    else finish('it sent a binary frame');
  };
  socket.onclose = (event) => finish(closeReason(event.code, event.reason));
  return {
    send(frames) {
      for (const frame of frames) socket.send(frame);
    },
    close() {
      done = true;
      socket.close(1000);
    },
  };
};
