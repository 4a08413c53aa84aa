import type {
  DescMessage,
  DescMethod,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import type { CallContext } from '../../../service/service.ts';

/** What comes with a call besides its messages. */
export interface Call {
  /** Who asks, found out when it is first wanted. @throws TableError `invalid_auth_token`. */
  readonly context: CallContext;
  /** Aborts when the client has cancelled, has gone, or its deadline is over. */
  readonly signal: AbortSignal;
  /** Metadata of the client, by its name in lower case; undefined when it is absent. */
  metadata(name: string): string | undefined;
}

/** The sending half of a call with a stream of answers. */
export interface Answers<Output> {
  /** False when the client does not keep up: what is sent on waits in this process. */
  hasRoom(): boolean;
  /** Called whenever there is room again after there was none. */
  onRoom: () => void;
  send(answer: Output): void;
  /** The same for an answer whose bytes are at hand: all parts together are the message. */
  sendEncoded(...parts: readonly Buffer[]): void;
  /** Ends the call: well, or with a status. */
  end(error?: unknown): void;
}

/** What a call with streams both ways is given. Nothing is called after {@link closed}. */
export interface Requests<Input> {
  /** While the promise is pending, no further message is read. */
  take(request: Input): Promise<void> | void;
  /** The client sends no more; by itself that ends nothing. */
  ended(): void;
  /** The call is over, whoever ended it. */
  closed(): void;
}

export type Unary<Input, Output> = (request: Input, call: Call) => Promise<Output> | Output;
export type Streaming<Input, Output> = (request: Input, call: Call) => AsyncIterable<Output>;
export type Duplex<Input, Output> = (call: Call, answers: Answers<Output>) => Requests<Input>;

interface Described {
  readonly service: string;
  readonly name: string;
  readonly input: DescMessage;
  readonly output: DescMessage;
}

/** Types are lost in the table: the functions below are the only ones to fill it, and they know them. */
export type Method = Described &
  (
    | { readonly kind: 'unary'; readonly run: Unary<never, unknown> }
    | { readonly kind: 'streaming'; readonly run: Streaming<never, unknown> }
    | { readonly kind: 'duplex'; readonly run: Duplex<never, unknown> }
  );

type Handler<M extends DescMethod> = M['methodKind'] extends 'unary'
  ? Unary<MessageShape<M['input']>, MessageInitShape<M['output']>>
  : M['methodKind'] extends 'server_streaming'
    ? Streaming<MessageShape<M['input']>, MessageInitShape<M['output']>>
    : Duplex<MessageShape<M['input']>, MessageInitShape<M['output']>>;

/** One handler for each method of a service, as the service describes them. */
export type Handlers<Service extends DescService> = {
  readonly [Name in keyof Service['method']]: Handler<Service['method'][Name]>;
};

const kinds = {
  unary: 'unary',
  server_streaming: 'streaming',
  bidi_streaming: 'duplex',
  // No service here has one.
  client_streaming: undefined,
} as const;

/** The methods of a service with what runs them. */
export function methodsOf<Service extends DescService>(
  service: Service,
  handlers: Handlers<Service>,
): Method[] {
  return service.methods.map((method) => {
    const kind = kinds[method.methodKind];
    const run = (handlers as Record<string, unknown>)[method.localName];
    if (kind === undefined || run === undefined) throw new Error(`${method.name} has no handler`);
    const { name, input, output } = method;
    // The handler's type was checked against the description of the very same method.
    return { kind, run, service: service.typeName, name, input, output } as Method;
  });
}
