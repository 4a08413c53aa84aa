import { invalid, type KeyValue } from '@lockstep/client';
import { checkedName, isPlace } from '@lockstep/locks/queueing';

const recordsSuffix = '.candidates';

/**
 * Where an election keeps what. A candidate's own key holds what it proposes and nothing else, as `etcdctl elect`
 * has it; what is known of it beyond that is in a second key, which only this package reads.
 */
export class ElectionKeys {
  readonly name: string;
  /** What candidates' keys begin with; the one with the lowest create revision is the first. */
  readonly candidates: string;
  readonly records: string;
  /** Holds the id of the candidate that the last leader chose, if it chose one. */
  readonly successor: string;

  /** @throws InvalidError when the name is none. */
  constructor(name: string) {
    this.name = checkedName(name);
    if (name.endsWith(recordsSuffix)) {
      throw invalid(
        `the name ${JSON.stringify(name)} ends with "${recordsSuffix}", under which an election keeps its records`,
      );
    }
    this.candidates = `${name}/`;
    this.records = `${name}${recordsSuffix}/`;
    this.successor = `${name}.successor`;
  }

  candidate(id: string): string {
    return this.candidates + id;
  }

  record(id: string): string {
    return this.records + id;
  }

  /** Of which candidate this is the key; undefined when it is nobody's. */
  candidateOf(kv: KeyValue): string | undefined {
    return isPlace(kv, this.candidates) ? kv.key.slice(this.candidates.length) : undefined;
  }

  /** Of which candidate this is the record; undefined when it is nobody's. */
  recordOf(kv: KeyValue): string | undefined {
    return isPlace(kv, this.records) ? kv.key.slice(this.records.length) : undefined;
  }
}
