import type { TxnReply } from './mvcc/requests.ts';

/** What a machine has run since its process began. It is no part of the replicated state. */
export class MachineCounts {
  puts = 0;
  ranges = 0;
  deletes = 0;
  txns = 0;
  leasesGranted = 0;
  leasesRenewed = 0;
  leasesRevoked = 0;
  leasesExpired = 0;
  hashChecksPassed = 0;
  hashMismatches = 0;

  /** A transaction was run, with whatever lay on its path. */
  txn(reply: TxnReply): void {
    this.txns++;
    this.#operations(reply);
  }

  #operations({ results }: TxnReply): void {
    for (const result of results) {
      if (result.type === 'put') this.puts++;
      else if (result.type === 'range') this.ranges++;
      else if (result.type === 'deleteRange') this.deletes++;
      else this.#operations(result.reply);
    }
  }
}
