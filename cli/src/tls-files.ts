import { readFileSync } from 'node:fs';
import type { ClientTls } from '@lockstep/client';
import { UsageError } from './failure.ts';
import type { Io } from './io.ts';

/** The options of TLS as they were given; their names are etcdctl's. */
export interface TlsFiles {
  readonly cacert?: string;
  readonly cert?: string;
  readonly key?: string;
}

const names = ['cacert', 'cert', 'key'] as const;

/**
 * What a client needs for TLS, from files that options name, or else variables: ours, or those of etcdctl. Undefined when
 * nothing is named: then a https endpoint is verified by the authorities that Node knows.
 * @throws UsageError for a certificate without its key. @throws Error for a file that cannot be read.
 */
export function readTlsFiles(options: TlsFiles, env: Io['env']): ClientTls | undefined {
  const files = names.map((name) => fileOf(name, options, env));
  const [ca, cert, key] = files;
  if (cert !== undefined && key === undefined) {
    throw new UsageError(`${cert.from} needs --key: the certificate's private key`);
  }
  if (key !== undefined && cert === undefined) {
    throw new UsageError(`${key.from} needs --cert: the certificate of that key`);
  }
  if (ca === undefined && cert === undefined) return undefined;
  return {
    ...(ca === undefined ? {} : { ca: read(ca) }),
    ...(cert === undefined ? {} : { cert: read(cert) }),
    ...(key === undefined ? {} : { key: read(key) }),
  };
}

interface NamedFile {
  readonly file: string;
  readonly from: string;
}

function fileOf(
  name: (typeof names)[number],
  options: TlsFiles,
  env: Io['env'],
): NamedFile | undefined {
  const upper = name.toUpperCase();
  const places = [
    [`--${name}`, options[name]],
    [`LOCKSTEP_${upper}`, env[`LOCKSTEP_${upper}`]],
    [`ETCDCTL_${upper}`, env[`ETCDCTL_${upper}`]],
  ] as const;
  for (const [from, file] of places) if (file) return { file, from };
  return undefined;
}

function read({ file, from }: NamedFile): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot read ${file} (${from}): ${reason}`, { cause: error });
  }
}
