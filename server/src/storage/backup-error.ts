/** A backup file cannot be used; the message says why and where. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
  readonly file: string;
  /** Where in the file it was found, in bytes. */
  readonly offset: number;

  constructor(file: string, offset: number, what: string) {
    super(
      `${file} is no whole snapshot: at offset ${offset}, ${what}. Nothing was changed. Save or copy ` +
        'it again, or use another one',
    );
    this.file = file;
    this.offset = offset;
  }
}
