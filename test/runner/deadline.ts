/** Calls `late` after `ms`, unless it is cancelled first: for processes that may hang, and for nothing else. */
export function deadline(ms: number, late: () => void): () => void {
  const timer = setTimeout(late, ms);
  return () => clearTimeout(timer);
}
