import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';

const secretFile = 'secret';
const pidFile = 'agent.pid';

/**
 * The directory of a host's agent: the secret by which the store knows this machine from a copy of it, and a claim that
 * one agent at most runs from it.
 *
 * Not covered: agents in containers that share the directory and not the network namespace.
 */
export class AgentPlace {
  readonly directory: string;
  /** SHA-256 of the secret, in hexadecimal. */
  readonly credential: string;
  readonly #claim: Server | undefined;

  private constructor(directory: string, credential: string, claim: Server | undefined) {
    this.directory = directory;
    this.credential = credential;
    this.#claim = claim;
  }

  /** @throws Error that says what is wrong: another agent runs, or the directory cannot be used. */
  static async open(directory: string): Promise<AgentPlace> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new Error(
        `cannot use the state directory ${directory} (${(error as Error).message}): run as root, or name another with --state-dir`,
      );
    }
    const claim = await claimed(directory);
    try {
      await writeFile(join(directory, pidFile), `${process.pid}\n`, { mode: 0o600 });
      return new AgentPlace(directory, credentialOf(await keptSecret(directory)), claim);
    } catch (error) {
      claim?.close();
      throw error;
    }
  }

  /** What is known without changing anything: the credential of earlier runs, and who runs from it now. */
  static async look(directory: string): Promise<{
    readonly credential: string | undefined;
    readonly runningPid: string | undefined;
  }> {
    const secret = await readSecret(directory);
    const credential = secret === undefined ? undefined : credentialOf(secret);
    try {
      const claim = await claimed(directory);
      claim?.close();
      return { credential, runningPid: undefined };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        return { credential, runningPid: undefined };
      }
      return { credential, runningPid: await pidIn(directory) };
    }
  }

  async close(): Promise<void> {
    await rm(join(this.directory, pidFile), { force: true });
    const claim = this.#claim;
    if (claim !== undefined) await new Promise<void>((done) => claim.close(() => done()));
  }
}

/**
 * A name in the kernel that goes with the process, whatever ends it: a file with a number in it would lie after
 * kill -9. Undefined where there are no such names.
 */
async function claimed(directory: string): Promise<Server | undefined> {
  if (process.platform !== 'linux') return undefined;
  const { dev, ino } = await stat(directory, { bigint: true });
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: `\0lockstep-reboot-agent-${dev}-${ino}` }, resolve);
  }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new Error(
      `another agent runs on this host, from ${directory} (process ${await pidIn(directory)}): one is enough`,
    );
  });
  server.unref();
  return server;
}

async function pidIn(directory: string): Promise<string> {
  const text = await readFile(join(directory, pidFile), 'utf8').catch(() => '');
  return text.trim() || 'unknown';
}

function credentialOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

async function keptSecret(directory: string): Promise<string> {
  const there = await readSecret(directory);
  if (there !== undefined) return there;
  const secret = randomBytes(32).toString('hex');
  // Whole or not at all, also when the power fails: without it the host would be another one to the store.
  const path = join(directory, secretFile);
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(`${secret}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  const folder = await open(directory, 'r');
  await folder.sync().finally(() => folder.close());
  return secret;
}

async function readSecret(directory: string): Promise<string | undefined> {
  const path = join(directory, secretFile);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`cannot read the secret of this host: ${(error as Error).message}`);
  }
  const secret = text.trim();
  if (!/^[0-9a-f]{64}$/.test(secret)) {
    throw new Error(
      `${path} is damaged: it holds 64 hexadecimal digits. Restore it; or remove it, and "lockstep reboot decommission" this host, which is another one then`,
    );
  }
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) await chmod(path, 0o600);
  return secret;
}
