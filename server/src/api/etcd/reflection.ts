import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { ServerReflection, ServerReflectionRequest } from './gen/reflection-v1_pb.ts';
import type { Handlers } from './grpc/method.ts';
import { grpcCodes } from './grpc/status.ts';

/** gRPC's reflection protocol: what services there are, and the files that describe them. Both of its versions say the same. */
export function reflectionHandlers(
  services: readonly DescService[],
): Handlers<typeof ServerReflection> {
  const files = new Map<string, DescFile>();
  const add = (file: DescFile): void => {
    if (files.has(file.proto.name)) return;
    files.set(file.proto.name, file);
    for (const other of file.dependencies) add(other);
  };
  for (const { file } of services) add(file);
  const symbols = symbolsOf([...files.values()]);
  const answer = (request: ServerReflectionRequest['messageRequest']) => {
    switch (request.case) {
      case 'listServices': {
        const service = services.map(({ typeName }) => ({ name: typeName }));
        return { case: 'listServicesResponse' as const, value: { service } };
      }
      case 'fileByFilename':
        return described(files.get(request.value), request.value);
      case 'fileContainingSymbol':
        return described(symbols.get(request.value), request.value);
      default:
        return missing(grpcCodes.unimplemented, 'there are no extensions here');
    }
  };
  return {
    serverReflectionInfo: (_call, answers) => ({
      take: (request) =>
        answers.send({
          validHost: request.host,
          originalRequest: request,
          messageResponse: answer(request.messageRequest),
        }),
      ended: () => answers.end(),
      closed: () => {},
    }),
  };
}

/** A file and what it imports, what is imported first. */
function described(file: DescFile | undefined, asked: string) {
  if (file === undefined) return missing(grpcCodes.notFound, `there is no ${asked} here`);
  const all = new Set<DescFile>();
  const collect = (one: DescFile): void => {
    for (const other of one.dependencies) collect(other);
    all.add(one);
  };
  collect(file);
  const written = [...all].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  // The file that was asked for comes first.
  written.unshift(...written.splice(-1));
  return {
    case: 'fileDescriptorResponse' as const,
    value: { fileDescriptorProto: written },
  };
}

function missing(errorCode: number, errorMessage: string) {
  return { case: 'errorResponse' as const, value: { errorCode, errorMessage } };
}

/** Services, methods, messages, enums and fields by their full names. */
function symbolsOf(files: readonly DescFile[]): ReadonlyMap<string, DescFile> {
  const symbols = new Map<string, DescFile>();
  for (const file of files) {
    for (const service of file.services) {
      symbols.set(service.typeName, file);
      for (const { name } of service.methods) symbols.set(`${service.typeName}.${name}`, file);
    }
    const messages = [...file.messages];
    for (const message of messages) {
      symbols.set(message.typeName, file);
      for (const { name } of message.fields) symbols.set(`${message.typeName}.${name}`, file);
      messages.push(...message.nestedMessages);
      for (const { typeName } of message.nestedEnums) symbols.set(typeName, file);
    }
    for (const { typeName } of file.enums) symbols.set(typeName, file);
  }
  return symbols;
}
