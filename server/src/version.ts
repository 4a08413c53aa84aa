/** The version of this software; the tests hold it against the package's. */
export const version = '0.1.0';
