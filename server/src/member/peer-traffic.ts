import { doubling, Histogram } from '../metrics/histogram.ts';

/** In seconds, as etcd has them: 0.1 ms to 3.3 s. */
const roundTripSeconds = doubling(0.0001, 16);

/** What went to and fro between this member and another, over all their links. */
export class PeerTraffic {
  sentBytes = 0;
  receivedBytes = 0;
  /** Messages that were posted and could not be sent. */
  sendFailures = 0;
  /** From a ping to its answer. */
  readonly roundTrip = new Histogram(roundTripSeconds);
}
