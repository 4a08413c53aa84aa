import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { type AllowedNames, nameRefusal } from '../tls/certificate-names.ts';

/** What one side of TLS is made of. The files are PEM. */
export interface TlsIdentityOptions {
  /** The certificate, with those between it and the authority behind it. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Authorities whose certificates the other side may show. With it the other side must show one. */
  readonly caFile?: string | undefined;
  /** Certificates of the authorities that count no more. */
  readonly crlFile?: string | undefined;
  readonly allowedNames?: AllowedNames | undefined;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** What happened to the files, for the operator. */
export interface TlsIdentityEvents {
  /** New files are in use. */
  reloaded(sentence: string): void;
  /** New files cannot be used, those before stay; or the ones in use are about to end. */
  warned(sentence: string): void;
}

/** Files are looked at so often at most, and nobody waits longer for it than the second. */
const checkMsDefault = 1_000;
const waitMsMax = 500;
const fileBytesMax = 1024 * 1024;
const dayMs = 24 * 60 * 60 * 1_000;
const daysLeftMin = 14;

/**
 * A certificate with its key, and what is demanded of the other side. The files are looked at again when somebody
 * connects: then new ones are in use at the first handshake that could need them, without a signal to
 * send and without a timer that runs for nothing.
 */
export class TlsIdentity {
  readonly #options: TlsIdentityOptions;
  readonly #events: TlsIdentityEvents;
  readonly #checkMs: number;
  #loaded: Loaded;
  #generation = 0;
  #checkedAt = performance.now();
  #refusedStamp = '';
  #checking: Promise<void> | undefined;

  /** @throws Error in a sentence with the file, when one cannot be used. */
  static async open(
    options: TlsIdentityOptions,
    events: TlsIdentityEvents,
    checkMs = checkMsDefault,
  ): Promise<TlsIdentity> {
    const identity = new TlsIdentity(options, events, checkMs, await load(options));
    identity.#warnOfTime();
    return identity;
  }

  private constructor(
    options: TlsIdentityOptions,
    events: TlsIdentityEvents,
    checkMs: number,
    loaded: Loaded,
  ) {
    this.#options = options;
    this.#events = events;
    this.#checkMs = checkMs;
    this.#loaded = loaded;
  }

  /** What handshakes are made with from now on. */
  get context(): SecureContextOptions {
    return this.#loaded.context;
  }

  /** Another number whenever {@link context} is another one. */
  get generation(): number {
    return this.#generation;
  }

  get asksForCertificate(): boolean {
    return this.#options.caFile !== undefined;
  }

  /** Why a certificate that was verified is not let in all the same; undefined when it is. */
  refusal(socket: TLSSocket): string | undefined {
    const { allowedNames } = this.#options;
    return allowedNames === undefined ? undefined : nameRefusal(socket, allowedNames);
  }

  /** Takes the files anew if they have changed. Never rejects, and never takes longer than half a second. */
  refresh(): Promise<void> {
    const now = performance.now();
    if (this.#checking === undefined && now - this.#checkedAt >= this.#checkMs) {
      this.#checkedAt = now;
      // A file system that does not answer holds up one check, and no connection.
      this.#checking = this.#check().finally(() => {
        this.#checking = undefined;
      });
    }
    return this.#checking === undefined ? Promise.resolve() : soon(this.#checking);
  }

  async #check(): Promise<void> {
    const stamp = await stampOf(this.#options);
    if (stamp === this.#loaded.stamp || stamp === this.#refusedStamp) return;
    try {
      this.#loaded = await load(this.#options);
      this.#refusedStamp = '';
      this.#generation++;
      this.#events.reloaded(
        `new connections use the certificate that ${this.#options.certFile} holds now, valid until ${this.#loaded.validTo}`,
      );
      this.#warnOfTime();
    } catch (error) {
      // Told once for each state of the files; the next change is a new try.
      this.#refusedStamp = stamp;
      const reason = error instanceof Error ? error.message : String(error);
      this.#events.warned(
        `the certificate in use stays, because the new files are of no use: ${reason}`,
      );
    }
  }

  #warnOfTime(): void {
    const { validFrom, validTo } = this.#loaded;
    const { certFile } = this.#options;
    const now = Date.now();
    const daysLeft = (Date.parse(validTo) - now) / dayMs;
    if (daysLeft < 0) this.#events.warned(`${certFile} has expired: it was valid until ${validTo}`);
    else if (Date.parse(validFrom) > now) {
      this.#events.warned(`${certFile} is valid only from ${validFrom} on; is this clock right?`);
    } else if (daysLeft < daysLeftMin) {
      this.#events.warned(
        `${certFile} is valid only until ${validTo}: replace it, no restart is needed`,
      );
    }
  }
}

interface Loaded {
  readonly context: SecureContextOptions;
  readonly stamp: string;
  readonly validFrom: string;
  readonly validTo: string;
}

async function load(options: TlsIdentityOptions): Promise<Loaded> {
  // Before they are read: a file that is replaced meanwhile has another stamp, and is read again.
  const stamp = await stampOf(options);
  const { certFile, keyFile, caFile, crlFile, minVersion, maxVersion } = options;
  const [cert, key, ca, crl] = await Promise.all([
    read('certificate', certFile),
    read('private key', keyFile),
    caFile === undefined ? undefined : read('trusted authority', caFile),
    crlFile === undefined ? undefined : read('revocation list', crlFile),
  ]);
  const [leaf] = certificatesIn(cert, certFile);
  if (ca !== undefined && caFile !== undefined) certificatesIn(ca, caFile);
  if (!leaf.checkPrivateKey(privateKeyIn(key, keyFile))) {
    throw new Error(`the private key in ${keyFile} is not that of the certificate in ${certFile}`);
  }
  const context = {
    ...{ cert, key, minVersion, maxVersion },
    ...(ca === undefined ? {} : { ca }),
    ...(crl === undefined ? {} : { crl }),
  };
  try {
    createSecureContext(context);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const file = crlFile ?? certFile;
    throw new Error(`${file} cannot be used: ${reason}`, { cause: error });
  }
  return { context, stamp, validFrom: leaf.validFrom, validTo: leaf.validTo };
}

async function read(what: string, file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > fileBytesMax)
      throw new Error(`it has ${size} bytes, at most ${fileBytesMax} are read`);
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot read the ${what} ${file}: ${reason}`, { cause: error });
  }
}

function certificatesIn(pem: string, file: string): [X509Certificate, ...X509Certificate[]] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  try {
    const [first, ...more] = blocks.map((block) => new X509Certificate(block));
    if (first !== undefined) return [first, ...more];
  } catch (error) {
    throw new Error(`${file} holds a certificate that is damaged`, { cause: error });
  }
  throw new Error(
    `${file} holds no certificate: it must be PEM, with "-----BEGIN CERTIFICATE-----"`,
  );
}

function privateKeyIn(pem: string, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const isEncrypted = /ENCRYPTED/.test(pem);
    const why = isEncrypted ? 'is encrypted; decrypt it first' : 'holds no private key in PEM';
    throw new Error(`${file} ${why}`, { cause: error });
  }
}

/** Differs when one of the files was written or replaced, also behind a symbolic link. */
async function stampOf(options: TlsIdentityOptions): Promise<string> {
  const { certFile, keyFile, caFile, crlFile } = options;
  const files = [certFile, keyFile, caFile, crlFile].filter((file) => file !== undefined);
  const stamps = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ dev, ino, size, mtimeMs, ctimeMs }) => [dev, ino, size, mtimeMs, ctimeMs].join(':'),
        () => 'missing',
      ),
    ),
  );
  return stamps.join(' ');
}

async function soon(checking: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, waitMsMax);
  });
  await Promise.race([checking, late]).finally(() => clearTimeout(timer));
}
