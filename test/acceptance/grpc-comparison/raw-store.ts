import { toJson } from '@bufbuild/protobuf';
import { Watch } from '../../../server/src/api/etcd/gen/rpc_pb.ts';
import { GrpcClient } from '../../harness/grpc-client.ts';
import type { Json, RawCall } from './messages.ts';
import { normalised } from './normalise.ts';
import { RawWatchStream } from './raw-watch-stream.ts';

/** All that a call brought back, in JSON. */
export interface Outcome {
  readonly code: number;
  readonly message: string;
  readonly answers: readonly Json[];
}

/** What is compared: something that takes calls and watch streams. */
export interface ComparedApi {
  readonly name: string;
  call(call: RawCall): Promise<Outcome>;
  /** The stream with that number, opened when it is first asked for. */
  stream(number: number): RawWatchStream;
  closeStreams(): Promise<void>;
  close(): Promise<void>;
}

/** A server that is asked over gRPC. */
export class RawStore implements ComparedApi {
  readonly name: string;
  readonly #client: GrpcClient;
  #streams = new Map<number, RawWatchStream>();

  constructor(name: string, address: string) {
    this.name = name;
    this.#client = new GrpcClient(address);
  }

  async call({ method, request }: RawCall): Promise<Outcome> {
    const { code, message, answers } = await this.#client.call(method, request);
    return {
      code,
      message,
      answers: answers.map((answer) => normalised(toJson(method.output, answer))),
    };
  }

  stream(number: number): RawWatchStream {
    const known = this.#streams.get(number);
    if (known !== undefined) return known;
    const opened = new RawWatchStream((take) => this.#client.open(Watch.method.watch, take));
    this.#streams.set(number, opened);
    return opened;
  }

  async closeStreams(): Promise<void> {
    const streams = [...this.#streams.values()];
    this.#streams = new Map();
    await Promise.all(streams.map((stream) => stream.close()));
  }

  async close(): Promise<void> {
    await this.closeStreams();
    this.#client.close();
  }
}
