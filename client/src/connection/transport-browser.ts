import { subprotocol } from '@lockstep/client/protocol';
import { invalid } from '../errors.ts';
import { broken, closedWith, type Dial, type TransportEnd } from './transport.ts';

/** The platform's own WebSocket: browsers, and every runtime that is not Node. */
export const dialBrowser: Dial = (url, handler, tls) => {
  if (tls !== undefined) {
    throw invalid('tls is of Node alone: here the browser has the authorities and certificates');
  }
  const socket = new WebSocket(url, subprotocol);
  let done = false;
  const finish = (end: TransportEnd): void => {
    if (done) return;
    done = true;
    handler.closed(end);
  };
  socket.onopen = () => {
    if (!done) handler.opened();
  };
  socket.onmessage = (event) => {
    if (done) return;
    if (typeof event.data === 'string') handler.frame(event.data);
    else finish(broken('it sent a binary frame'));
  };
  socket.onclose = (event) => finish(closedWith(event.code, event.reason));
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
