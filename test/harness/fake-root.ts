/** A root directory of a host, with programs of its own before those of the system. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** What undoes something when a test has ended. */
interface Undoing {
  after(undo: () => void): void;
}

export class FakeRoot {
  readonly path: string;
  /** With the programs first on the path. */
  readonly env: NodeJS.ProcessEnv;
  /** With the programs alone on the path: no program of the system is there. */
  readonly bareEnv: NodeJS.ProcessEnv;
  readonly #programs: string;

  /** It is gone when the test is over. */
  constructor(test: Undoing) {
    this.path = mkdtempSync(join(tmpdir(), 'lockstep-root-'));
    test.after(() => rmSync(this.path, { recursive: true, force: true }));
    this.#programs = join(this.path, 'programs');
    mkdirSync(this.#programs);
    this.env = { ...process.env, PATH: `${this.#programs}:${process.env.PATH}` };
    this.bareEnv = { PATH: this.#programs };
  }

  /** Writes a file below it, with the folders before it. */
  write(path: string, text = ''): void {
    mkdirSync(dirname(join(this.path, path)), { recursive: true });
    writeFileSync(join(this.path, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.path, path), 'utf8');
  }

  /** A script of the shell as a program; it notes its arguments, which `callsOf` reads. */
  program(name: string, script: string): void {
    const file = join(this.#programs, name);
    writeFileSync(file, `#!/bin/sh\necho "$*" >> "${file}.calls"\n${script}\n`);
    chmodSync(file, 0o755);
  }

  /** The arguments of each call of a program, a line each. */
  callsOf(name: string): string[] {
    return readFileSync(join(this.#programs, `${name}.calls`), 'utf8')
      .trimEnd()
      .split('\n');
  }

  /** A named pipe: who reads it waits until somebody writes. @returns its path. */
  pipe(name: string): string {
    const path = join(this.path, name);
    execFileSync('mkfifo', [path]);
    return path;
  }
}
