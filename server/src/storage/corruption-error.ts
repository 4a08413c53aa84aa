/** Bytes that were durable are not what was written. The member must stop: its data can no longer be trusted. */
export class CorruptionError extends Error {
  override readonly name = 'CorruptionError';
  /** The file, as a path below the data directory's location. */
  readonly file: string;
  /** Where in the file the damage was found, in bytes. */
  readonly offset: number;

  constructor(damage: { location: string; file: string; offset: number; what: string }) {
    super(
      `${damage.location}/${damage.file} is damaged at offset ${damage.offset}: ${damage.what}. ` +
        'Nothing was changed. If the cluster has other members, replace this one (remove it, then ' +
        'add it with an empty data directory); otherwise restore the directory from a backup.',
    );
    this.file = damage.file;
    this.offset = damage.offset;
  }
}
