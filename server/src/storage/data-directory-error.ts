/** The directory cannot be used as it is; the message says why and what to do about it. */
export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError';
}
