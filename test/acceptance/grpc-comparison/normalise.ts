import type { Json } from './messages.ts';

/** They are each server's own; that they are there is compared, what they are is not. */
const ownFields = new Set(['clusterId', 'memberId', 'raftTerm']);

/** The answer with a mark in the place of what two clusters cannot have alike. */
export function normalised(answer: Json): Json {
  if (Array.isArray(answer)) return answer.map(normalised);
  if (!isObject(answer)) return answer;
  return Object.fromEntries(
    Object.entries(answer).map(([name, value]) => [
      name,
      ownFields.has(name) ? '*' : normalised(value),
    ]),
  );
}

export type JsonObject = { [name: string]: Json };

export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** A field of an answer; undefined when it is at its default. */
export function field(json: Json | undefined, name: string): Json | undefined {
  return isObject(json) ? json[name] : undefined;
}

/** An int64, which is at its default when it is absent. */
export function numberAt(json: Json | undefined, name: string): number {
  return Number(field(json, name) ?? 0);
}

export function revisionOf(answer: Json | undefined): number {
  return numberAt(field(answer, 'header'), 'revision');
}
