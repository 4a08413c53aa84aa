/** The words of error messages about JSON that came from outside. */
import { nearest } from './nearest.ts';

export function didYouMean(name: string, known: readonly string[]): string {
  const match = nearest(name, known);
  return match === undefined ? '' : `; did you mean ${match}?`;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value in words, for error messages: short whatever came. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object') {
    const names = Object.keys(value);
    if (names.length === 0) return 'an empty object';
    return `an object with ${clip(names.slice(0, 3).join(', '))}`;
  }
  if (typeof value === 'string') return `the string ${quote(value)}`;
  return clip(String(value));
}

export function quote(text: string): string {
  return JSON.stringify(clip(text));
}

export function clip(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}...`;
}
