import { constants, type ServerHttp2Session } from 'node:http2';

/** A client may ask for a sign of life this often (etcd, --grpc-keepalive-min-time). */
const pingGapMs = 5_000;
/** As grpc-go counts: so many pings may come too early, and one more ends the connection. */
const strikesMax = 2;
/** The answer to a ping takes so many bytes: whoever was sent more than that between two was sent something else. */
const answerToPingBytes = 17;

/**
 * Signs of life on one connection, in both directions: a connection that nothing comes from is asked, and cut when it does
 * not answer, and a client that asks too often is told to calm down, as etcd does (gRPC A8, A9).
 */
export class PingWatch {
  readonly #session: ServerHttp2Session;
  readonly #silenceMs: number;
  #heardBytes = -1;
  #heardAt = performance.now();
  #isAsked = false;
  #isDismissed = false;
  #pingedAt = Number.NEGATIVE_INFINITY;
  #strikes = 0;
  #written = 0;

  constructor(session: ServerHttp2Session, silenceMs: number) {
    this.#session = session;
    this.#silenceMs = silenceMs;
    session.on('ping', () => this.#pinged());
  }

  sweep(): void {
    if (this.#isDismissed) {
      this.#session.destroy();
      return;
    }
    const bytes = this.#session.socket?.bytesRead ?? 0;
    const now = performance.now();
    if (bytes !== this.#heardBytes) {
      this.#heardBytes = bytes;
      this.#heardAt = now;
      this.#isAsked = false;
      return;
    }
    if (now - this.#heardAt < this.#silenceMs) return;
    if (now - this.#heardAt >= 2 * this.#silenceMs) {
      this.#session.destroy();
    } else if (!this.#isAsked) {
      this.#isAsked = true;
      // The answer shows in the bytes that came.
      this.#session.ping(() => {});
    }
  }

  #pinged(): void {
    const now = performance.now();
    const isEarly = now - this.#pingedAt < pingGapMs;
    this.#pingedAt = now;
    // A client measures the line with pings of its own while answers come, and may.
    const written = this.#session.socket?.bytesWritten ?? 0;
    const isAnswered = written - this.#written > answerToPingBytes;
    this.#written = written;
    if (isAnswered) this.#strikes = 0;
    if (!isEarly || isAnswered) return;
    this.#strikes++;
    if (this.#strikes <= strikesMax || this.#isDismissed) return;
    // The next sweep cuts it; by then it has been told why.
    this.#isDismissed = true;
    this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'));
  }
}
